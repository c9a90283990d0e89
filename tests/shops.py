"Small shops for tests: drawn photographs, and a model that has learned from them"
import numpy as np
import torch
import torch.nn.functional as F

from fashion_nbdev.core import set_seed
from fashion_nbdev.data.groups import Group
from fashion_nbdev.garments.garment import random_garment
from fashion_nbdev.garments.photographs import draw_garment
from fashion_nbdev.learning.attribute_head import Attributes
from fashion_nbdev.learning.category_head import Category
from fashion_nbdev.learning.checkpoints import pack, save_file
from fashion_nbdev.learning.heads import Embedding
from fashion_nbdev.learning.models import FashionNet
from fashion_nbdev.pictures import save_image
from fashion_nbdev.pixels.augment import prepare_image
from fashion_nbdev.pixels.preprocess import preprocessing
from fashion_nbdev.using.gallery import Gallery
from fashion_nbdev.using.indexing import index_photographs
from fashion_nbdev.using.predict import FashionPredictor

KINDS = ['Dress', 'Tee', 'Coat', 'Jeans', 'Skirt', 'Hoodie', 'Tank', 'Blazer']
TAGS = ['sleeve: long', 'sleeve: short', 'sleeve: none', 'striped', 'floral', 'leather']


def tags_of(garment):
    "Which of `TAGS` a garment has"
    long, short, *others = map(garment.has, ['long_sleeve', 'short_sleeve', 'striped', 'floral', 'leather'])
    return [long, short, not (long or short), *others]


def draw(folder, n, seed, any_size=False):
    "Paths of `n` photographs, and what is right for each; if asked for, they have any size and three formats"
    gen = np.random.default_rng(seed)
    paths, tags = [], []
    for i in range(n):
        garment = random_garment(gen, KINDS[i % len(KINDS)])
        image = draw_garment(garment, None, 128)
        suffix = '.jpg'
        if any_size:
            image = image.resize(tuple(gen.integers(40, 400, 2).tolist()))
            suffix = ('.jpg', '.jpg', '.jpg', '.png', '.webp')[i % 5]
        paths.append(folder/f'{i:02}{suffix}')
        tags.append(tags_of(garment))
        save_image(image, paths[-1])
    return paths, torch.arange(n) % len(KINDS), torch.tensor(tags).float()


def teach(path, photos, kinds, tags, steps):
    "Write a model that has learned from `photos`"
    set_seed(0)
    attributes = Attributes(TAGS, [.5]*6, groups=[Group('sleeve', [0, 1, 2], True)])
    heads = dict(category=Category(KINDS), attributes=attributes, embedding=Embedding(16))
    pre = preprocessing(32)
    net = FashionNet(heads.values(), 'resnet9')
    x = prepare_image(photos, pre)
    opt = torch.optim.AdamW(net.parameters())
    rates = torch.optim.lr_scheduler.OneCycleLR(opt, 2e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(x), (min(32, len(x)),))
        said = net(x[rows])
        loss = F.cross_entropy(said['category'], kinds[rows])
        loss = loss + F.binary_cross_entropy_with_logits(said['attributes'], tags[rows])
        loss.backward()
        opt.step()
        opt.zero_grad()
        rates.step()
    save_file(path, pack(net.eval(), 'multimodal', pre, heads))


def open_shop(root, photos):
    "The model of a shop, and its gallery, of the folder `photos`"
    predictor = FashionPredictor.load(root/'model.pth', cpu=True)
    gallery = Gallery(root/'gallery', predictor.model_id, 16, predictor.attributes)
    index_photographs(gallery, predictor, photos, show=False)
    return predictor, gallery
