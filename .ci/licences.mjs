// licences.mjs TARGET < cargo-metadata.json
//
// Prints the licence texts of all packages that are linked into the program for TARGET, each text
// once with the packages that it belongs to. Fails where a package has no text to hand on.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';

const metadata = JSON.parse(readFileSync(0, 'utf8'));
const packages = new Map(metadata.packages.map((one) => [one.id, one]));
const nodes = new Map(metadata.resolve.nodes.map((node) => [node.id, node]));

/** The linked crates: normal dependencies, without procedural macros, which run in the compiler. */
function linked(root) {
  const seen = new Set([root]);
  for (const id of seen) {
    for (const { pkg, dep_kinds: kinds } of nodes.get(id).deps) {
      const isMacro = packages.get(pkg).targets.some(({ kind }) => kind.includes('proc-macro'));
      if (kinds.some(({ kind }) => kind === null) && !isMacro) seen.add(pkg);
    }
  }
  return [...seen].map((id) => packages.get(id));
}

/** The licence files beside a package's manifest, in the order of their names. */
function texts({ manifest_path: manifest }) {
  const folder = dirname(manifest);
  return readdirSync(folder)
    .filter((file) => /^(licen[cs]e|copying|notice|unlicense)/i.test(file))
    .sort()
    .flatMap((file) => {
      try {
        return [readFileSync(join(folder, file), 'utf8').replaceAll('\r\n', '\n').trim()];
      } catch (error) {
        if (error.code === 'EISDIR') return [];
        throw error;
      }
    });
}

/** Some packages leave their text to another one of the same repository, or name a well-known one. */
function textsOf(one, all) {
  const own = texts(one);
  if (own.length > 0) return own;
  const sibling = all.find((other) => other.repository !== null && other.repository === one.repository && texts(other).length > 0);
  if (sibling !== undefined) return texts(sibling);
  if (one.license?.includes('Apache-2.0')) return [readFileSync('LICENSE-APACHE', 'utf8').trim()];
  throw new Error(`${one.name} ${one.version} (${one.license}) has no licence text to hand on`);
}

const others = linked(metadata.resolve.root).filter(({ source }) => source !== null);
const groups = new Map();
for (const one of others) {
  for (const text of textsOf(one, metadata.packages)) {
    groups.set(text, [...(groups.get(text) ?? []), one]);
  }
}
console.log(`What else is in lowkey for ${process.argv[2]}, and under which licences: ${others.length} packages, ${groups.size} texts.`);
for (const [text, ones] of groups) {
  const names = ones.map(({ name, version, license }) => `${name} ${version} (${license})`).sort();
  console.log(`\n${'-'.repeat(78)}\n${names.join('\n')}\n${'-'.repeat(78)}\n\n${text}`);
}
