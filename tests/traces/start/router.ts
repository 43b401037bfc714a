/** Routes requests to handlers by method and path pattern; no framework. */

export type Method = "GET" | "POST" | "PUT" | "DELETE";

export interface Incoming {
  method: Method;
  path: string;
  headers: Record<string, string>;
  body: string;
}

export interface Outgoing {
  status: number;
  headers: Record<string, string>;
  body: string;
}

export type Params = Record<string, string>;
export type Handler = (request: Incoming, params: Params) => Promise<Outgoing> | Outgoing;
export type Layer = (request: Incoming, next: () => Promise<Outgoing>) => Promise<Outgoing>;

interface Route {
  method: Method;
  segments: string[];
  handler: Handler;
}

const JSON_TYPE = "application/json; charset=utf-8";

export function json(value: unknown, status = 200): Outgoing {
  return { status, headers: { "content-type": JSON_TYPE }, body: JSON.stringify(value) };
}

export function problem(status: number, title: string): Outgoing {
  return json({ status, title }, status);
}

function split(path: string): string[] {
  return path.split("/").filter((part) => part.length > 0);
}

/** The values of `:name` segments, or null if the path does not fit. */
function match(segments: string[], parts: string[]): Params | null {
  if (segments.length !== parts.length) {
    return null;
  }
  const params: Params = {};
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    if (segment.startsWith(":")) {
      params[segment.slice(1)] = decodeURIComponent(parts[i]);
    } else if (segment !== parts[i]) {
      return null;
    }
  }
  return params;
}

export class Router {
  private readonly routes: Route[] = [];
  private readonly layers: Layer[] = [];

  use(layer: Layer): this {
    this.layers.push(layer);
    return this;
  }

  on(method: Method, pattern: string, handler: Handler): this {
    this.routes.push({ method, segments: split(pattern), handler });
    return this;
  }

  get(pattern: string, handler: Handler): this {
    return this.on("GET", pattern, handler);
  }

  post(pattern: string, handler: Handler): this {
    return this.on("POST", pattern, handler);
  }

  async handle(request: Incoming): Promise<Outgoing> {
    const dispatch = async (index: number): Promise<Outgoing> => {
      if (index < this.layers.length) {
        return this.layers[index](request, () => dispatch(index + 1));
      }
      return this.dispatch(request);
    };
    try {
      return await dispatch(0);
    } catch (error) {
      console.error(error);
      return problem(500, "something broke on our side");
    }
  }

  private async dispatch(request: Incoming): Promise<Outgoing> {
    const parts = split(request.path);
    let known = false;
    for (const route of this.routes) {
      const params = match(route.segments, parts);
      if (params === null) {
        continue;
      }
      known = true;
      if (route.method === request.method) {
        return route.handler(request, params);
      }
    }
    return known ? problem(405, "method not allowed") : problem(404, "nothing here");
  }
}
