"The review page in a browser: proposals are accepted and rejected, saved as a file, and applied"
import json

import numpy as np
import pandas as pd
import pytest
from browsing import browsing, fits

from fashion_nbdev.data.table_files import read_table
from fashion_nbdev.garments.garment import random_garment
from fashion_nbdev.garments.photographs import draw_garment
from fashion_nbdev.looking.review import write_review
from fashion_nbdev.pictures import save_image
from fashion_nbdev.using.decisions import apply_decisions
from fashion_nbdev.using.proposals import COLUMNS_OF_PROPOSALS

pytestmark = browsing

def proposal(kind, line, column='', was='', now='', probability=np.nan, why='', other=0):
    "A row of the list; photographs are called after their lines"
    path = f'{other}.jpg' if other else ''
    return (kind, line, f'{line}.jpg', column, was, now, probability, why, other, path)

@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    "A catalogue of seventy products, its photographs and its review page"
    root = tmp_path_factory.mktemp('shop')
    gen = np.random.default_rng(0)
    kinds = ['Tee', 'Dress', 'Coat', 'Jeans', 'Skirt', 'Hoodie', 'Tank', 'Blazer']
    sheet = ['image,type,sleeve,note']
    for line in range(2, 72):
        save_image(draw_garment(random_garment(gen, kinds[line%8]), None, 96), root/f'{line}.jpg')
        sheet.append(f'{line}.jpg,{"" if line < 40 else kinds[line%8]},long,"a, {line}"')
    (root/'shop.csv').write_text('\n'.join(sheet)+'\n')
    rows = [proposal('fill', line, 'type', '', kinds[line%8], .99-line/1000)
            for line in range(2, 40)]
    rows += [proposal('label', line, 'sleeve', 'long', 'sleeveless', .93,
                      'photographs that look like it say sleeveless')
             for line in range(40, 60)]
    rows.append(proposal('contradiction', 60, 'sleeve', 'long', 'short', .7, 'type Tank with sleeve long'))
    rows.append(proposal('twin', 61, why='line 5 has the same picture', other=5))
    rows.append(proposal('items', 62, why='line 6 has the same picture, as item i6; here it is <b>i62</b>',
                         other=6))
    proposals = pd.DataFrame(rows, columns=list(COLUMNS_OF_PROPOSALS))
    write_review(proposals, root/'shop.csv', root, root/'review.html', ['5 blanks were left empty.'],
                 show=False)
    return root

@pytest.fixture(scope='module')
def address(shop):
    return (shop/'review.html').as_uri()

def saved(page, path):
    "What the button gives"
    with page.expect_download() as waiting:
        page.click('#save')
    waiting.value.save_as(path)
    assert waiting.value.suggested_filename=='decisions.json'
    return json.loads(path.read_text(encoding='utf-8'))

def test_decide_save_apply(page, shop, tmp_path):
    "Clicks and keys decide; the file is applied; nothing else changes"
    assert page.locator('article').count()==50
    assert page.locator('img').evaluate_all('all => all.every(image => image.naturalWidth > 0)')
    assert fits(page)
    cards = page.locator('article')
    cards.nth(0).locator('.yes').click()                 # line 2 is filled
    cards.nth(1).locator('.no').click()                  # line 3 is not
    cards.nth(2).locator('.yes').click()
    cards.nth(2).locator('.yes').click()                 # line 4: a second click takes it back
    cards.nth(3).focus()
    page.keyboard.press('a')                             # line 5, and on to the next
    page.keyboard.press('r')                             # line 6
    page.keyboard.press('a')                             # line 7, and on to the next
    page.keyboard.press('ArrowUp')
    page.keyboard.press('u')                             # line 7 is open again
    page.locator('#kinds button', has_text='labels').click()
    assert page.locator('article').count()==20
    page.locator('article').nth(0).locator('.yes').click()    # line 40 is sleeveless
    page.locator('#kinds button', has_text='two items').click()
    assert page.locator('article img').count()==2
    assert '<b>i62</b>' in page.locator('article').inner_text()    # as text
    page.locator('article .yes').click()
    assert page.locator('#count').inner_text()=='6 of 61 decided'
    found = saved(page, tmp_path/'decisions.json')
    decided = {(row['kind'], row['line']): row['decision'] for row in found['proposals'] if row['decision']}
    assert decided=={('fill', 2): 'accept', ('fill', 3): 'reject', ('fill', 5): 'accept',
                     ('fill', 6): 'reject',
                     ('label', 40): 'accept', ('items', 62): 'accept'}
    before = read_table(shop/'shop.csv')
    apply_decisions(shop/'shop.csv', tmp_path/'decisions.json', tmp_path/'final.csv')
    after = read_table(tmp_path/'final.csv')
    accepted = {line for (_, line),said in decided.items() if said=='accept'}
    assert set(after.index[after['cleaned']!=''])==accepted
    same = after.drop(columns='cleaned')==before
    assert (~same).sum().sum()==len(accepted)-1          # two items change no cell
    assert after.loc[40, 'sleeve']=='sleeveless' and after.loc[40, 'cleaned']=='sleeve: was long (0.93)'

def test_remembers_and_filters(page):
    "Decisions outlive a reload; what is decided can be hidden; pages turn"
    page.locator('article').nth(0).locator('.yes').click()
    page.once('dialog', lambda dialog: dialog.accept())
    page.reload()
    assert page.locator('#count').inner_text()=='1 of 61 decided'
    page.check('#open')
    assert 'line 3 ' in page.locator('article').nth(0).inner_text()
    page.click('#after')
    assert page.locator('#place').inner_text()=='51 to 60 of 60' and page.locator('#after').is_disabled()
