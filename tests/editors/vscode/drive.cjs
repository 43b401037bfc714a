// drive.cjs PORT HOME LOGS [CASE...]: runs the cases, or those whose names contain one of CASE,
// then the tests of host/ inside the extension host ("host" names them all).

const fs = require('node:fs');
const path = require('node:path');
const { Workbench } = require('./workbench.cjs');
const cases = require('./cases.cjs');

const [port, home, logs, ...wanted] = process.argv.slice(2);
const isWanted = (name) => wanted.length === 0 || wanted.some((part) => name.includes(part));

/** Runs the selected cases in a separate workbench; returns how many failed. */
async function runCases() {
  const chosen = Object.entries(cases).filter(([name]) => isWanted(name));
  if (chosen.length === 0) return 0;
  const workbench = await Workbench.open({ port, home, folder: `${home}/work`, logs });
  let failed = 0;
  try {
    await workbench.load();
    for (const [name, run] of chosen) {
      const since = Date.now();
      try {
        await run(workbench);
        console.log(`ok   ${name} (${((Date.now() - since) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${name}: ${error.stack}`);
        await workbench.picture(`failed-${name.replaceAll(/\W+/g, '-')}`).catch(() => undefined);
      }
      await workbench.closeAll().catch((error) => console.log(`     and what was open stays: ${error.message}`));
    }
  } finally {
    await workbench.close();
  }
  return failed;
}

/** Windows that are opened until one has the folders of its workspace. */
const MOST_WINDOWS = 3;

/** Runs the tests inside the extension host, in a workspace of two folders; returns how many failed. */
async function runHost() {
  const workspace = `${home}/two.code-workspace`;
  fs.mkdirSync(`${home}/first`);
  fs.mkdirSync(`${home}/second`);
  fs.writeFileSync(workspace, JSON.stringify({ folders: [{ path: 'first' }, { path: 'second' }] }));
  // VS Code accesses files of the machine by its own address.
  const uri = (file) => `vscode-remote://127.0.0.1:${port}${file}`;
  const tests = path.join(__dirname, 'host');
  const payload = [['extensionDevelopmentPath', uri(tests)], ['extensionTestsPath', uri(`${tests}/index.js`)]];
  const report = `${home}/report.txt`;
  for (let n = 1; ; n++) {
    const code = await runInWindow({ port, home, workspace, logs, payload });
    if (!fs.existsSync(report) && n < MOST_WINDOWS) {
      console.log('     the host ran no test: its window had no folders; another one is opened');
      continue;
    }
    console.log(fs.existsSync(report) ? fs.readFileSync(report, 'utf8').trimEnd() : 'the host ran no test');
    if (code !== 0) console.log(`FAIL the tests inside the extension host: ${code}`);
    return code === 0 ? 0 : 1;
  }
}

/** Opens a window that runs the host's tests; returns its exit code. */
async function runInWindow(place) {
  const workbench = await Workbench.open(place);
  try {
    let end;
    const ended = new Promise((resolve) => (end = resolve));
    await workbench.page.exposeFunction('codeAutomationLog', () => {});
    await workbench.page.exposeFunction('codeAutomationExit', (code) => end(code));
    await workbench.load();
    const late = new Promise((resolve) => setTimeout(resolve, 240_000, 'no end').unref());
    const code = await Promise.race([ended, late]);
    await workbench.picture('host');
    return code;
  } finally {
    await workbench.close();
  }
}

async function main() {
  const failed = (await runCases()) + (isWanted('host') ? await runHost() : 0);
  console.log(failed === 0 ? 'VS Code: all passed' : `VS Code: ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
