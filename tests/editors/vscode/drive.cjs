// drive.cjs PORT HOME LOGS [CASE...]: runs the cases, or those whose names hold one of CASE.

const { Workbench, sleep } = require('./workbench.cjs');
const cases = require('./cases.cjs');

const [port, home, logs, ...wanted] = process.argv.slice(2);

async function main() {
  const workbench = await Workbench.open({ port, home, folder: `${home}/work`, logs });
  let failed = 0;
  try {
    await workbench.load();
    for (const [name, run] of Object.entries(cases)) {
      if (wanted.length > 0 && !wanted.some((part) => name.includes(part))) continue;
      const since = Date.now();
      try {
        await run(workbench);
        console.log(`ok   ${name} (${((Date.now() - since) / 1000).toFixed(1)} s)`);
      } catch (error) {
        failed += 1;
        console.log(`FAIL ${name}: ${error.stack}`);
        await workbench.picture(`failed-${name.replaceAll(/\W+/g, '-')}`);
      }
      await workbench.closeAll().catch(() => undefined);
    }
  } finally {
    await workbench.close();
  }
  process.exitCode = failed === 0 ? 0 : 1;
}

main();
