"The lines that a person types first, run as they are written, on a small demonstration's model"
import re
import shutil
from pathlib import Path

import pytest

root = Path(__file__).parent.parent
FACE = """
import fashion_nbdev as fashion
model = fashion.load('best_multimodal_model.pth')          # repr says task, body, classes, figures
model('dress.jpg')                                         # tags
shop = model.index('photographs/', 'shop.lance')
shop.search('dress.jpg', k=5)                              # a photograph, a Prediction, an id, an embedding
fashion.open_gallery('shop.lance', model)
data = dict(img_dir='img', anno_dir='annotations', quiet=True)
trained = fashion.train('multimodal', **data, body='resnet18', size=32, epochs=1)
ev = fashion.evaluate(model, **data)
"""

@pytest.fixture(scope='module')
def demonstration(tmp_path_factory):
    "A folder in which the demonstration was run, in small"
    from fashion_nbdev.demo import demo
    folder = tmp_path_factory.mktemp('face')
    few = dict(n_train=24, n_val=10, n_test=10, n_views=4, size=48)
    demo(folder/'demo', 1, False, few, dict(epochs=2, label_epochs=1, size=32))
    photographs = sorted((folder/'demo/garments/img').rglob('*.jpg'))
    (folder/'photographs').mkdir()
    for i,photo in enumerate(photographs[:20]):
        shutil.copy(photo, folder/f'photographs/{i}.jpg')
    shutil.copy(photographs[0], folder/'dress.jpg')
    shutil.copy(photographs[0], folder/'my_dress.jpg')
    shutil.copy(folder/'demo/best_multimodal_model.pth', folder)
    for name in ('img', 'annotations'):
        (folder/name).symlink_to(folder/'demo/garments'/name)
    return folder

def test_face(demonstration, monkeypatch):
    monkeypatch.chdir(demonstration)
    names = {}
    exec(FACE, names)
    model, shop = names['model'], names['shop']
    assert 'multimodal' in repr(model) and 'resnet18' in repr(model) and 'Accuracy' in repr(model)
    assert model('dress.jpg').category in model.classes
    assert len(shop)==20
    by_photograph = shop.search('dress.jpg', k=5)
    assert by_photograph.table.id[0]=='0.jpg' and by_photograph._repr_png_()[:4]==b'\x89PNG'
    for query in (model('dress.jpg'), model('dress.jpg').embedding):
        assert list(shop.search(query, k=5).table.id)==list(by_photograph.table.id)
    assert '0.jpg' not in list(shop.search('0.jpg', k=5).table.id)      # an id finds others
    assert names['trained'].task=='multimodal'
    assert 0 <= names['ev'].metrics['category_accuracy'] <= 1

def test_readme(demonstration, monkeypatch, capsys):
    "The Python of the README"
    monkeypatch.chdir(demonstration)
    blocks = re.findall(r'```python\n(.*?)```', (root/'README.md').read_text(encoding='utf-8'), re.S)
    assert blocks
    for block in blocks:
        exec(block, {})
    assert 'similarity' in capsys.readouterr().out

def test_wrong_choice():
    import fashion_nbdev as fashion
    with pytest.raises(fashion.DataError, match='did you mean batch_size'):
        fashion.train('attribute', batchsize=3)
    with pytest.raises(fashion.DataError, match='margin means nothing to attribute'):
        fashion.train('attribute', margin=3)
