"""The script that fetches the photographs of the tutorials, on files in the form in which they are published.

The two rows of `products.csv` are as that file has them, but for the descriptions."""
import csv
import runpy
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parent.parent
HEADER = 'sku,product_type,categories,name,additional_attributes'
CATEGORIES = ('"Default Category/Men/Tops/Hoodies & Sweatshirts,Default Category/Collections/Eco Friendly,'
              'Default Category"')
SIMPLE = (f'MH01-XS-Black,simple,{CATEGORIES},Chaz Kangeroo Hoodie-XS-Black,'
          '"has_options=0,required_options=0,size=XS,color=Black"')
GARMENT = (f',configurable,{CATEGORIES},Chaz Kangeroo Hoodie,'
           '"has_options=1,required_options=1,material=Wool,pattern=Color-Blocked,'
           'climate=All-weather|Cool|Indoor|Spring|Windy,eco_collection=Yes,sale=Yes"')


@pytest.fixture
def checkout(tmp_path):
    "A small shop in the form of the published one"
    fixtures = tmp_path/'app/code/Magento/ConfigurableSampleData/fixtures'
    fixtures.mkdir(parents=True)
    garments = [sku+GARMENT for sku in ('MH01', 'MH02', 'MH03', 'MH04')]
    (fixtures/'products.csv').write_text('\n'.join([HEADER, SIMPLE, *garments]))
    for item in ('mh01', 'mh02', 'mh03', 'mh04'):
        place = tmp_path/'pub/media/catalog/product/m/h'/f'{item}-gray_back.jpg'
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.new('RGB', (800, 1000)).save(place)
    return tmp_path


def test_catalogue(checkout, tmp_path):
    "What the spreadsheet says of MH01, and every third item left out"
    script = runpy.run_path(str(ROOT/'nbs/tutorials/get_data.py'))
    script['write_catalogue'](checkout, tmp_path/'out')
    with open(tmp_path/'out/catalog.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    assert rows[0] == dict(
        image='photos/mh01-gray_back.jpg', item_id='mh01', colour='gray', view='back',
        category='Men/Tops/Hoodies & Sweatshirts', name='Chaz Kangeroo Hoodie', material='Wool',
        pattern='Color-Blocked', climate='All-weather|Cool|Indoor|Spring|Windy', style='')
    assert [row['item_id'] for row in rows] == ['mh01', 'mh02', 'mh04']
    assert Image.open(tmp_path/'out'/rows[0]['image']).size == (512, 640)
