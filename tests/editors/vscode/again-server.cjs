#!/usr/bin/env node
// A language server whose answers are chosen: in column 5 of a line it has no suggestion at first, says
// that it would answer otherwise now, and then has one. In column 6 it says so for an older version.
//
// The file again.log in its folder gets the client's experimental capabilities, and then for each
// request its column and trigger kind, in lines of JSON.

const fs = require('node:fs');
const path = require('node:path');

const log = path.join(path.dirname(process.argv[1]), 'again.log');
const asked = new Map();

function send(message) {
  const body = JSON.stringify({ jsonrpc: '2.0', ...message });
  process.stdout.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

const versions = new Map();

function complete(id, { textDocument: { uri }, position, context: { triggerKind } }) {
  const { line, character } = position;
  fs.appendFileSync(log, `${JSON.stringify({ character, triggerKind })}\n`);
  const n = (asked.get(character) ?? 0) + 1;
  asked.set(character, n);
  const again = (version) => send({ method: '$/lowkey/askAgain', params: { textDocument: { uri, version }, position } });
  const version = versions.get(uri);
  const range = { start: { line, character: 0 }, end: position };
  const items = character === 5 && n > 1 ? [{ insertText: 'again()', range }] : [];
  send({ id, result: { items } });
  if (character === 5) again(version);
  if (character === 6) again(version - 1);
}

function receive({ id, method, params }) {
  if (method === 'initialize') {
    fs.appendFileSync(log, `${JSON.stringify(params.capabilities.experimental ?? null)}\n`);
    send({ id, result: { capabilities: { textDocumentSync: 1, inlineCompletionProvider: true } } });
  } else if (method === 'textDocument/inlineCompletion') {
    complete(id, params);
  } else if (method === '$/lowkey/status') {
    send({ id, result: { state: 'ready', model: 'none', message: '', paused: false } });
  } else if (method === '$/lowkey/nextEdit') {
    send({ id, result: { edits: [], why: 'none' } });
  } else if (method === 'exit') {
    process.exit(0);
  } else if (/did(Open|Change)$/.test(method ?? '') && params.textDocument) {
    versions.set(params.textDocument.uri, params.textDocument.version);
  } else if (id !== undefined && method !== undefined) {
    send({ id, result: null });
  }
}

let input = Buffer.alloc(0);
process.stdin.on('data', (data) => {
  input = Buffer.concat([input, data]);
  for (;;) {
    const end = input.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(input.subarray(0, end).toString())[1]);
    if (input.length < end + 4 + length) return;
    const body = input.subarray(end + 4, end + 4 + length).toString();
    input = input.subarray(end + 4 + length);
    receive(JSON.parse(body));
  }
});
process.stdin.on('end', () => process.exit(0));
