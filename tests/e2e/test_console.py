"""The page at `/`, in a headless browser: the count while typing, errors under the text, saved
segments with their counts. Leaves its screenshots in build/."""
import os
import unittest

from browser import PROGRAM, Browser
from support import ROOT, MusterCase

BOX = 'document.querySelector("#expression")'
COUNT = 'document.querySelector("#count").textContent'
NOTE = 'document.querySelector("#note").innerText'
SEGMENTS = 'document.querySelector("#segments").innerText'
TEXT = 'document.body.innerText'


class Console(MusterCase):
    def type_into(self, browser, text):
        """Replaces what stands in the expression box."""
        browser.evaluate(f'{BOX}.focus(); {BOX}.select()')
        browser.type(text)

    def test_the_page_answers_while_typing(self):
        if PROGRAM is None:
            print('not run: no Chromium here (tools/setup --console)', flush=True)
            return
        server, client = self.started_with_people()
        self.assert_ok(client.put('/v1/segments/german', {'where': 'country = "DE"',
                                                          'name': 'Germans'}))
        shots = os.path.join(ROOT, 'build', 'screenshots')
        os.makedirs(shots, exist_ok=True)
        with Browser(self.folder) as browser:
            browser.open(server.url + '/')
            browser.wait_for(f'{BOX} !== null')
            browser.wait_for(f'/Germans[^]*1/.test({SEGMENTS})')
            self.type_into(browser, 'any tags = "beta"')
            browser.wait_for(f'{COUNT} === "2"')
            browser.screenshot(os.path.join(shots, 'console-count.png'))
            self.type_into(browser, 'contry = "FR"')
            browser.wait_for(f'{NOTE}.includes("did you mean \'country\'")')
            browser.screenshot(os.path.join(shots, 'console-error.png'))
            self.assertNotEqual(browser.evaluate(COUNT), '2')
            self.type_into(browser, 'everyone')
            browser.wait_for(f'{COUNT} === "3"')
            self.assertEqual(browser.evaluate(NOTE).strip(), '')
            self.assertEqual(browser.errors, [])

    def test_the_page_is_self_contained(self):
        _, client = self.started()
        page = self.assert_ok(client.get('/'))
        self.assertEqual(page.headers.get_content_type(), 'text/html')
        for word in (b'src="http', b'href="http', b'@import', b'url(http'):
            self.assertNotIn(word, page.body)

    def test_markup_in_data_stays_text(self):
        """A segment whose name is a script must not run."""
        if PROGRAM is None:
            print('not run: no Chromium here (tools/setup --console)', flush=True)
            return
        server, client = self.started_with_people()
        name = '<img src=x onerror="window.owned=1"><script>window.owned=1</script>'
        self.assert_ok(client.put('/v1/segments/evil', {'where': 'everyone', 'name': name}))
        with Browser(self.folder) as browser:
            browser.open(server.url + '/')
            browser.wait_for(f'{TEXT}.includes("evil") || {TEXT}.includes("onerror")')
            self.type_into(browser, f'`{name}` = 1')
            browser.wait_for(f'{NOTE}.includes("onerror")')
            self.assertIsNone(browser.evaluate('window.owned ?? null'))


if __name__ == '__main__':
    unittest.main()
