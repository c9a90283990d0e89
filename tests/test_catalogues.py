"Catalogues in every dialect are read back to the last value, and prepared as a plain reader would"
import csv, io, json
from collections import defaultdict

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fashion_nbdev.csv_files import read_cell
from fashion_nbdev.data.columns import column_attributes
from fashion_nbdev.data.spreadsheets import prepare_csv
from fashion_nbdev.data.table_files import read_table

LETTERS = 'abcXYZ019 ,;|\t\n/\'"-_.=>äöüßéñ'
# a quote before a formula is the mark of who wrote the file, and is taken off (nbs/00c_csv_files)
cells = st.text(LETTERS, max_size=12).map(str.strip).filter(lambda cell: read_cell(cell)==cell)
dialects = st.fixed_dictionaries(dict(
    delimiter=st.sampled_from(',;\t|'),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    lineterminator=st.sampled_from(['\n', '\r\n']),
    encoding=st.sampled_from(['utf-8', 'utf-8-sig', 'utf-16', 'utf-16-le', 'utf-16-be', 'cp1252']),
    sep_line=st.booleans(),
    empty_columns=st.integers(0, 2),
    blank_rows=st.booleans()))
quick = settings(deadline=None, derandomize=True)


def write(path, header, rows, dialect):
    "A spreadsheet as some program writes it"
    form = {name: dialect[name] for name in ('delimiter', 'quoting', 'lineterminator')}
    end = dialect['lineterminator']
    blank = dialect['delimiter']*(len(header)+dialect['empty_columns']-1)+end
    text = io.StringIO(newline='')
    if dialect['sep_line']:
        text.write(f"sep={dialect['delimiter']}{end}")
    writer = csv.writer(text, **form)
    for row in [header, *rows]:
        writer.writerow([*row, *['']*dialect['empty_columns']])
        if dialect['blank_rows']:
            text.write(blank)
    path.write_bytes(text.getvalue().encode(dialect['encoding']))


@settings(quick, max_examples=150)
@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=8),
       st.permutations(['image', 'kind', 'tags']),
       dialects)
def test_dialects(tmp_path_factory, rows, header, dialect):
    "What was written is what is read"
    rows = [row for row in rows if any(row)]
    path = tmp_path_factory.getbasetemp()/'dialect.csv'
    write(path, header, rows, dialect)
    df = read_table(path)
    assert df.columns.tolist()==list(header)
    assert [tuple(row) for row in df.to_numpy().tolist()]==rows


SPELLINGS = { # Separator that is named -> how several values stand in a cell
    '|': '|'.join, ',': ', '.join, ';': ' ;'.join, '/': '/'.join, '': json.dumps, 'python': repr}
words = st.sampled_from(['floral', 'Cotton', 'long sleeve', 'Größe', 'a.b', 'T-shirt'])


@settings(quick, max_examples=100)
@given(st.lists(st.lists(words, unique=True, max_size=4), min_size=1, max_size=8),
       st.sampled_from(list(SPELLINGS)), st.permutations(['image', 'tags']), dialects)
def test_several_values(tmp_path_factory, tags, separator, header, dialect):
    "Several values of a cell are those that were written, and a blank is neither yes nor no"
    path = tmp_path_factory.getbasetemp()/'several.csv'
    rows = []
    for i, values in enumerate(tags):
        row = dict(image=f'p{i}.jpg', tags=SPELLINGS[separator](values) if values else '')
        rows.append([row[name] for name in header])
    write(path, header, rows, dialect)
    cells = read_table(path)['tags']
    marks, names, _ = column_attributes(cells, 'tags', separator.removeprefix('python'))
    names = [name.removeprefix('tags: ') for name in names]
    assert set(names)=={value for values in tags for value in values}
    for values, row in zip(tags, marks.tolist(), strict=True):
        assert row==[int(name in values) if values else -1 for name in names]


@settings(quick, max_examples=60)
@given(st.lists(st.tuples(cells, cells), min_size=1, max_size=8))
def test_other_files(tmp_path_factory, rows):
    "JSON lines, an object with a list, Parquet and Excel say the same"
    folder = tmp_path_factory.getbasetemp()
    df = pd.DataFrame(rows, columns=['image', 'kind'], dtype=object)
    df.to_json(folder/'other.jsonl', orient='records', lines=True)
    df.to_parquet(folder/'other.parquet')
    (folder/'other.json').write_text(json.dumps(dict(products=df.to_dict('records'))))
    for name in ('other.jsonl', 'other.parquet', 'other.json'):
        assert read_table(folder/name).to_numpy().tolist()==[list(row) for row in rows]
    with pd.ExcelWriter(folder/'other.xlsx') as book:
        pd.DataFrame(['Our products']).to_excel(book, sheet_name='Read me', header=False, index=False)
        df = df.map(lambda cell: cell.lstrip('= \t\n'))   # no formulas
        df.to_excel(book, sheet_name='Products', index=False)
    said = [row for row in df.to_numpy().tolist() if any(row)]
    assert read_table(folder/'other.xlsx').to_numpy().tolist()==said


NAMES = [f'p{i}.jpg' for i in range(16)]
KINDS = ['Dress', 'dress', 'DRESS', 'Tee', 'Crew neck, long', 'n/a', '']
TAGS = ['floral', 'Cotton', 'long sleeve', 'a/b']
products = st.lists(
    st.tuples(st.sampled_from([*NAMES, 'gone.jpg', '']), st.sampled_from(KINDS),
              st.sampled_from(['', 'A', 'B 1', 'C']),
              st.lists(st.sampled_from(TAGS), unique=True, max_size=3), st.sampled_from(['yes', 'no', ''])),
    min_size=1, max_size=24)


@pytest.fixture(scope='module')
def photographs(tmp_path_factory):
    "A folder with sixteen photographs"
    folder = tmp_path_factory.mktemp('photographs')
    for i, name in enumerate(NAMES):
        Image.new('RGB', (16, 16), (10*i, 90, 90)).save(folder/name)
    return folder


def read_lists(anno):
    "Photograph -> split, category and the attributes that it has and has not, with nothing but `open`"
    def lines(path):
        return path.read_text('utf-8').splitlines() if path.exists() else []
    def names(path):
        return [line.rsplit(maxsplit=1)[0] for line in lines(path)[2:]]
    categories = names(anno/'list_category_cloth.txt')
    attributes = names(anno/'list_attr_cloth.txt')
    found = {}
    for split in ('train', 'val', 'test'):
        paths = [line.removeprefix('img/') for line in lines(anno/split/f'{split}.txt')]
        numbers = lines(anno/split/f'{split}_cate.txt')
        values = lines(anno/split/f'{split}_attr.txt') or ['']*len(paths)
        for path, number, row in zip(paths, numbers, values, strict=True):
            said = dict(zip(attributes, map(int, row.split()), strict=True))
            assert path not in found
            found[path] = (split, categories[int(number)-1], said)
    items = {}
    for line in lines(anno/'list_eval_partition.txt')[2:]:
        path, item, status = line.split()
        items[path.removeprefix('img/')] = (item, status)
    return found, items


def expected_rows(path, delimiter):
    "Photograph -> facts, by the rules: the first row counts, blanks are filled where an item agrees"
    with open(path, encoding='utf-8', newline='') as f:
        rows = [row for row in csv.DictReader(f, delimiter=delimiter)]
    kinds, tags, sale = defaultdict(set), defaultdict(set), defaultdict(set)
    for row in rows:
        row['kind'] = '' if row['kind']=='n/a' else row['kind']
        if row['item']:
            for facts, name in ((kinds, 'kind'), (tags, 'tags'), (sale, 'sale')):
                facts[row['item']] |= {row[name]}-{''}
    used = {}
    for row in rows:
        for facts, name in ((kinds, 'kind'), (tags, 'tags'), (sale, 'sale')):
            if not row[name] and len(facts[row['item']])==1:
                row[name] = min(facts[row['item']])
        if row['image'] not in ('', 'gone.jpg') and row['image'] not in used:
            used[row['image']] = row
    return rows, used


@settings(quick, max_examples=60)
@given(products, st.sampled_from(',;\t'), st.permutations(['image', 'kind', 'item', 'tags', 'sale']),
       st.integers(0, 3))
def test_accounts(tmp_path_factory, photographs, rows, delimiter, header, seed):
    "Labels, splits, items and counts are those that a plain reader finds"
    where = tmp_path_factory.mktemp('catalogue')
    facts = [dict(image=image, kind=kind, item=item, tags='|'.join(tags), sale=sale)
             for image, kind, item, tags, sale in rows]
    facts.append(dict(image='p0.jpg', kind='Tee', item='', tags='floral|x', sale='yes'))
    facts.append(dict(image='p1.jpg', kind='Dress', item='', tags='floral', sale='no'))
    dialect = dict(delimiter=delimiter, quoting=csv.QUOTE_MINIMAL, lineterminator='\n', encoding='utf-8',
                   sep_line=False,
                   empty_columns=0, blank_rows=False)
    write(where/'c.csv', header, [[row[name] for name in header] for row in facts], dialect)
    done = prepare_csv(where/'c.csv', where/'out', img_dir=photographs, category_column='kind',
                       item_column='item',
                       attribute_columns='tags, sale', seed=seed, show=False)
    every, used = expected_rows(where/'c.csv', delimiter)
    labels, items = read_lists(done.anno_dir)
    assert done.read==len(every)
    assert done.read==done.kept+sum(map(len, done.skipped.values()))
    assert done.kept==len(labels.keys() | items.keys())
    assert labels.keys()=={path for path, row in used.items() if row['kind']}
    for path, (_, kind, said) in labels.items():
        row = used[path]
        assert kind.lower()==row['kind'].lower()
        tags = set(row['tags'].lower().split('|'))-{''}
        for name, value in said.items():
            if name=='sale':
                assert value=={'yes': 1, 'no': 0, '': -1}[row['sale']]
            else:
                assert value==(int(name.removeprefix('tags: ').lower() in tags) if tags else -1)
    for path, (item, status) in items.items():
        assert item==used[path]['item'].replace(' ', '_')
        if path in labels:
            assert {'train': 'train'}.get(status, 'test')==labels[path][0]
    splits = defaultdict(set)
    for path, (split, _, _) in labels.items():
        if used[path]['item']:
            splits[used[path]['item']].add(split)
    assert all(len(parts)==1 for parts in splits.values())
