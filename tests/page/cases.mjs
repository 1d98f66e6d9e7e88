// The page in a real browser, with the real binary. Each case says what it holds; the first that fails ends all.

import assert from 'node:assert/strict';

import { acts } from './acts.mjs';
import { breaks } from './breaks.mjs';
import { READ, enter, now, sees, shop } from './looks.mjs';
import { nights } from './nights.mjs';
import { sums } from './sums.mjs';
import { truths } from './truths.mjs';
import { views } from './views.mjs';
import { closePages, endAll } from './world.mjs';

const cases = { ...views, ...acts, ...breaks, ...truths, ...sums, ...nights };

/** Pictures for the documentation. */
async function pictures(to) {
    const { url } = await shop();
    const page = await enter(url, READ);
    await page.locator('.containers h3').first().waitFor();
    await page.waitForTimeout(Number(process.env.PAGE_WAIT ?? 60) * 1000);
    await page.screenshot({ path: `${to}/page.png` });
    await page.goto(`${url}/#metric?check=utilization&metric=cpu&range=2d`);
    await sees(page, '5 minutes a point', '#metric');
    await page.waitForTimeout(500);
    await page.screenshot({ path: `${to}/page-metric.png` });
    const phone = await enter(url, READ, { size: { width: 390, height: 844 }, dark: true });
    await phone.waitForTimeout(5000);
    await phone.screenshot({ path: `${to}/page-phone.png` });
}

const wanted = process.argv.slice(2);
assert.ok(now > 0);
try {
    if (wanted[0] === '--pictures') await pictures(wanted[1]);
    else {
        let passed = 0;
        for (const [name, run] of Object.entries(cases)) {
            if (wanted.length && !wanted.some((word) => name.includes(word))) continue;
            console.log(name);
            await run();
            await closePages();
            passed += 1;
        }
        assert.ok(passed > 0, 'no case has this name');
        console.log(`page: ${passed} passed`);
    }
} finally {
    await endAll();
}
