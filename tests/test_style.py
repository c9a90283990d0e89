"The code is as open to the eye as it ever was: each page's measures are at their limits or better"
import sys
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
sys.path.insert(0, str(root/'tools'))
import style  # noqa: E402

pages = [page for page in style.pages() if style.defines(page)]

def worse(found, limits):
    "Measure -> (now, at most), of those that are over their limits"
    return {key: (found[key], limit) for key,limit in limits.items() if found[key] > limit}

@pytest.mark.parametrize('page', pages, ids=style.page_name)
def test_page(page):
    "No page is packed tighter than it may be; `python tools/style.py --tighten` keeps what is better now"
    assert not worse(style.measure_page(page), style.limits_of(style.page_name(page)))

def test_whole():
    "All exported cells together keep what they had reached, and the goals"
    found = style.measure_all(pages)
    assert not worse(found, style.limits_of('all'))
    assert not worse(found, style.GOALS)

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
