// A file with CR LF line ends, and settings under which the suggestion at its end has several
// lines.

const path = require('node:path');

/** The toy's answer is the same in every build and always has several lines. */
exports.SETTINGS = {
  'lowkey.model': path.resolve(__dirname, '../../../../server/test-support/lowkey-toy-q8_0.gguf'),
  'lowkey.multiline': 'always',
  'lowkey.suggestion_threshold': 'always',
};

const block = (a, b) => `if (${a}) {\r\n    ${b}1 = foo(1);\r\n    ${b}2 = foo(2);\r\n}\r\n`;

exports.ABOVE = `${block('a', 'b')}${block('c', 'd')}if (e) {\r\n`;
exports.TYPED = '    f1 = ';

/** The server's `fnv1a`: FNV-1a of a text in UTF-8, 64 bits. */
exports.fingerprint = (text) => {
  let hash = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(text, 'utf8')) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  }
  return hash.toString(16).padStart(16, '0');
};
