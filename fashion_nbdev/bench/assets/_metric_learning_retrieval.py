"Retrieval by pytorch-metric-learning, as its examples train: python _metric_learning_retrieval.py '{JSON}'"
import json, os, sys
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image
from pytorch_metric_learning.distances import CosineSimilarity
from pytorch_metric_learning.losses import MultiSimilarityLoss
from pytorch_metric_learning.miners import MultiSimilarityMiner
from pytorch_metric_learning.samplers import MPerClassSampler
from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
from pytorch_metric_learning.utils.inference import CustomKNN
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision import models, transforms as T

NORMAL = T.Normalize([.485, .456, .406], [.229, .224, .225])


class Photographs(Dataset):
    def __init__(self, img_dir, df, transforms):
        self.files = [Path(img_dir)/path for path in df['path']]
        self.labels = df['number'].tolist()
        self.transforms = transforms

    def __len__(self):
        return len(self.files)

    def __getitem__(self, i):
        return self.transforms(Image.open(self.files[i]).convert('RGB')), self.labels[i]


def embed_all(net, photographs, batch_size, device):
    net.eval()
    batches = DataLoader(photographs, batch_size, num_workers=os.cpu_count())
    with torch.no_grad():
        parts = [net(x.to(device)).cpu() for x,_ in batches]
    return torch.cat(parts), torch.tensor(photographs.labels)


def main():
    asked = json.loads(sys.argv[1])
    out = Path(asked['output_dir'])
    size = asked['size']
    batch_size = asked['batch_size']
    torch.manual_seed(asked['seed'])
    np.random.seed(asked['seed'])      # MPerClassSampler draws from it
    device = torch.device('cuda' if torch.cuda.is_available() and not asked['cpu'] else 'cpu')
    augment = T.Compose([T.RandomResizedCrop(size, scale=(.35, 1)), T.RandomHorizontalFlip(),
                         T.ColorJitter(.2, .2, .2), T.ToTensor(), NORMAL])
    plain = T.Compose([T.Resize((size, size)), T.ToTensor(), NORMAL])

    photographs = pd.read_csv(asked['photographs'])   # path, item, split: train, query or gallery
    photographs['number'] = photographs['item'].factorize()[0]
    splits = dict(list(photographs.groupby('split')))
    train = Photographs(asked['img_dir'], splits['train'], augment)
    query = Photographs(asked['img_dir'], splits['query'], plain)
    gallery = Photographs(asked['img_dir'], splits['gallery'], plain)
    sampler = MPerClassSampler(train.labels, m=asked['images_per_item'], batch_size=batch_size,
                               length_before_new_iter=asked['photographs_an_epoch'])
    batches = DataLoader(train, batch_size, sampler=sampler, num_workers=os.cpu_count(), drop_last=True)

    net = getattr(models, asked['body'])(weights=None)
    net.fc = nn.Linear(net.fc.in_features, asked['embedding_size'])
    net = net.to(device)
    opt = torch.optim.Adam(net.parameters(), lr=asked['lr'])
    loss_of = MultiSimilarityLoss(alpha=2, beta=50, base=.5)
    mine = MultiSimilarityMiner(epsilon=.1)

    for epoch in range(asked['epochs']):
        net.train()
        for x,item in batches:
            emb = net(x.to(device))
            item = item.to(device)
            loss = loss_of(emb, item, mine(emb, item))
            opt.zero_grad()
            loss.backward()
            opt.step()
        print(f'epoch {epoch}: loss {loss.item():.3f}')
    torch.save(net.state_dict(), out/'metric_learning.pth')

    nearest = CustomKNN(CosineSimilarity())
    calculator = AccuracyCalculator(include=('precision_at_1',), k=1, knn_func=nearest)
    asking = embed_all(net, query, batch_size, device)
    found = calculator.get_accuracy(*asking, *embed_all(net, gallery, batch_size, device))
    (out/'metrics.json').write_text(json.dumps(dict(hit_rate_at_1=found['precision_at_1'])))


if __name__=='__main__':    # where a worker is a new process, it reads this file, too
    main()
