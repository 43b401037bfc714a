// A line of the server's stderr: its level, and what it says without the stamp that VS Code adds too.

export type Level = 'error' | 'warn' | 'info' | 'debug' | 'trace';

const LINE = /^\s*\d{4}-\d\d-\d\dT\S+\s+(ERROR|WARN|INFO|DEBUG|TRACE)\s+(.*)$/;

/** Takes a line apart; one without a level is a message of its own and counts as a warning. */
export function parse(line: string): { level: Level; text: string } {
  const [, level, text] = LINE.exec(line) ?? [];
  return level === undefined || text === undefined
    ? { level: 'warn', text: line }
    : { level: level.toLowerCase() as Level, text };
}
