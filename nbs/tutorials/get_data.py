"""Fetch the photographs of the tutorials from where they are published, into a folder:

    python get_data.py FOLDER

It takes git and a network. What is there already is left alone.
Then set FASHION_DATA to FOLDER."""
import csv, html, re, subprocess, sys
from pathlib import Path

from PIL import Image

ORIGINS = dict(
    clothing='https://github.com/alexeygrigorev/clothing-dataset-small',  # CC0
    magento='https://github.com/magento/magento2-sample-data')            # OSL-3.0
COLUMNS = ['image', 'item_id', 'colour', 'view', 'category', 'name',
           'material', 'pattern', 'climate', 'style']


def clone(address, to):
    "The newest state of the repository `address` in the folder `to`, unless it is there"
    if not to.exists():
        subprocess.run(['git', 'clone', '--depth', '1', address, str(to)], check=True)


def read_items(path):
    "Item id -> what `products.csv` says of a garment that comes in several colours"
    items = {}
    with open(path, newline='', encoding='utf-8') as file:
        for row in csv.DictReader(file):
            garment = re.match('Default Category/((?:Men|Women)/[^,]*)', row['categories'])
            if row['product_type']!='configurable' or not garment:
                continue
            pairs = row['additional_attributes'].split(',')
            facts = dict(pair.split('=', 1) for pair in pairs if '=' in pair)
            style = [value for name,value in facts.items() if name.startswith('style')]
            known = {name: facts.get(name, '') for name in ('material', 'pattern', 'climate')}
            known |= dict(category=garment[1], name=row['name'], style=style[0] if style else '')
            items[row['sku'].lower()] = {name: html.unescape(value) for name,value in known.items()}
    return items


def catalogue_rows(items, photographs):
    "A row of the catalogue for each photograph of an item, whose file is called item-colour_view.jpg"
    for path in sorted(photographs):
        named = re.fullmatch(r'([a-z]+\d+)-([a-z]+)_(\w+)\.jpg', path.name)
        if named and named[1] in items:
            item, colour, view = named.groups()
            yield dict(image=f'photos/{path.name}', item_id=item, colour=colour, view=view, **items[item])


def write_catalogue(checkout, to):
    "`catalog.csv` and `photos/` of two thirds of the items: in the order of ids, each third is left out"
    items = read_items(checkout/'app/code/Magento/ConfigurableSampleData/fixtures/products.csv')
    kept = [item for i,item in enumerate(sorted(items)) if i % 3!=2]
    media = checkout/'pub/media/catalog/product'
    files = {path.name: path for path in media.rglob('*.jpg')}
    rows = list(catalogue_rows({item: items[item] for item in kept}, files.values()))
    (to/'photos').mkdir(parents=True, exist_ok=True)
    for row in rows:
        name = Path(row['image']).name
        with Image.open(files[name]) as im:
            im.thumbnail((640, 640))
            im.convert('RGB').save(to/'photos'/name, quality=90)
    with open(to/'catalog.csv', 'w', newline='', encoding='utf-8') as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(rows)
    return rows


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    clone(ORIGINS['clothing'], folder/'clothing-small')
    if not (folder/'magento-catalog/catalog.csv').exists():
        clone(ORIGINS['magento'], folder/'magento2-sample-data')
        rows = write_catalogue(folder/'magento2-sample-data', folder/'magento-catalog')
        print(f'{folder/"magento-catalog"}: {len(rows):,} photographs (442 when this was written)')
    print(f'now set FASHION_DATA={folder.resolve()}')


if __name__=='__main__':
    if len(sys.argv)!=2:
        sys.exit('say where to: python get_data.py FOLDER')
    main(Path(sys.argv[1]))
