"Categories by fastai, as its tutorials train them: python _fastai_classification.py '{JSON}'"
import json, sys
from pathlib import Path

import pandas as pd
from fastai.vision.all import (
    ImageDataLoaders, Resize, accuracy, aug_transforms, default_device, set_seed, vision_learner
)
from torchvision import models


def main():
    asked = json.loads(sys.argv[1])
    out = Path(asked['output_dir'])
    set_seed(asked['seed'])
    if asked['cpu']:
        default_device(False)

    photographs = pd.read_csv(asked['photographs'])   # path, label, split
    photographs['is_valid'] = photographs['split']=='val'
    test = photographs[photographs['split']=='test']
    known = photographs[photographs['split']!='test']
    dls = ImageDataLoaders.from_df(
        known, asked['img_dir'], fn_col='path', label_col='label', valid_col='is_valid',
        bs=asked['batch_size'], item_tfms=Resize(asked['size']), batch_tfms=aug_transforms())

    learn = vision_learner(dls, getattr(models, asked['body']), pretrained=False, metrics=accuracy)
    learn.fit_one_cycle(asked['epochs'])
    learn.export((out/'fastai.pkl').absolute())

    loss, right = learn.validate(dl=dls.test_dl(test, with_labels=True))
    (out/'metrics.json').write_text(json.dumps(dict(category_accuracy=right)))


if __name__=='__main__':    # where a worker is a new process, it reads this file, too
    main()
