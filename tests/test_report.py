"The page of an evaluation in a browser: its tables sort by a click or a key, and nothing else runs"
import pandas as pd
import pytest
from browsing import browsing
from markupsafe import Markup

from fashion_nbdev.looking.blocks import table_html
from fashion_nbdev.looking.report import _script
from fashion_nbdev.looking.templates import render

pytestmark = browsing

SCORES = dict(f1=[.5, float('nan'), .75], photographs=[1234, 0, 7])


@pytest.fixture
def tab(browser, tmp_path):
    "A report with one table, open in a browser"
    page = tmp_path/'index.html'
    attack = Markup('<script>document.title = "attacked"</script>')
    scores = pd.DataFrame(SCORES, ['Tee', 'Hat', 'Dress'])
    parts = {'Scores': table_html(scores, 'category'), 'Attack': attack}
    known = dict(title='Report', counts=[], facts={}, parts=parts)
    page.write_text(render('report.html', **known, **_script()))
    tab = browser.new_page()
    tab.goto(page.as_uri())
    yield tab
    tab.close()


def categories(tab):
    return tab.locator('tbody th').all_text_contents()


def test_sort(tab):
    "The largest first, then turned round; what could not be computed stays last; names by their letters"
    assert categories(tab) == ['Tee', 'Hat', 'Dress']
    tab.click('thead th:has-text("f1")')
    assert categories(tab) == ['Dress', 'Tee', 'Hat']
    tab.click('thead th:has-text("f1")')
    assert categories(tab) == ['Tee', 'Dress', 'Hat']
    tab.focus('thead th:has-text("photographs")')
    tab.keyboard.press('Enter')
    assert categories(tab) == ['Tee', 'Dress', 'Hat']
    tab.click('thead th:has-text("category")')
    assert categories(tab) == ['Tee', 'Hat', 'Dress']


def test_only_script(tab):
    "Another script in the page does not run"
    assert tab.title() == 'Report'
