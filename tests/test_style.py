"The code is as open to the eye as it ever was: each page's measures are at their limits or better"
import json
import sys
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'tools'))
import style  # noqa: E402

GOALS = dict(nodes=15, median=10, ninety=25, wide=0, several=5, nested=2, hidden=20, run=60, unexplained=5,
             unsaid=10)
LIMITS = json.loads(style.LIMITS.read_text())
pages = [page for page in style.pages() if style.measure_page(page)]

@pytest.mark.parametrize('page', pages, ids=style.page_name)
def test_page(page):
    "No page is packed tighter than it was; `python tools/style.py --tighten` keeps what is better now"
    limits = LIMITS.get(style.page_name(page), GOALS | dict(module=350))
    found = style.measure_page(page)
    worse = {key: (found[key], limit) for key,limit in limits.items() if found[key] > limit}
    assert not worse, f'now and at most: {worse}'

def test_whole():
    "All exported cells together keep the goals"
    everything = []
    for page in pages:
        everything += [style.Cell('"the end of a page"'), *style.read_cells(page)]
    found = style.measure(everything)
    worse = {key: (found[key], goal) for key,goal in GOALS.items() if found[key] > goal}
    assert not worse, f'now and at most: {worse}'

@pytest.mark.parametrize('page', pages, ids=style.page_name)
def test_module_size(page):
    assert style.module_lines(page) <= 350

def test_it_can_fail():
    "The measures see what they are to see"
    dense = style.Cell("#| export\ndef f(a, b):\n    x, y = a+1, b+1\n"
                       "    raise ValueError(sum(i*j for i in x for j in y))")
    found = style.measure([dense])
    assert all(found[key]==100 for key in ('pairs', 'hidden', 'unexplained', 'unsaid'))
    assert found['nested'] > 0
    plain = style.Cell("#| export\ndef f(\n    a # A number\n):\n"
                       "    \"A `ValueError` always\"\n    raise ValueError(a)")
    found = style.measure([plain, style.Cell('f(1)')])
    assert not any(found[key] for key in ('pairs', 'nested', 'hidden', 'unexplained', 'unsaid', 'wide',
                                          'several'))
