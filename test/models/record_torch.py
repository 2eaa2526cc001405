#!/usr/bin/python3
"""Records what PyTorch computes for models of the zoo, as the judge of test/models/torch.test.ts.

usage: record_torch.py [--peers ../shared/peers]     writes test/models/fixtures/torch-MODEL.json
Needs torch and numpy: Debian's python3-torch (recorded with 1.13).

PyTorch computes in double precision: the recording is the derivative itself, not PyTorch's rounding of it (where an
activation lies within float32's rounding of a kink, as in mobilenetv2, PyTorch's own float32 gradients are 1 % off).

Weights, images and labels are not stored: both sides compute them from a hash of name and index (`hashed` here,
test/models/support/hashed.ts there). resnet18 and mobilenetv2 are those of torch_step.py; harcnn mirrors
models/zoo/harcnn.ts. Parameters are recorded under Flotilla's names.
"""
import argparse
import importlib.util
import json
import pathlib
import re

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

CLASSES, STEPS, SAMPLES = 10, 10, 6
SGD = dict(momentum=0.9, weight_decay=5e-4)
ADAMW = dict(betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)
# Batches and learning rates at which ten steps in float32 stay well within 1e-3 of ten steps in float64, in PyTorch
# itself: batch normalisation over few samples makes mobilenetv2 chaotic at larger steps.
RECIPES = dict(
    resnet18=dict(batch=4, sgd=1e-4),
    mobilenetv2=dict(batch=16, sgd=1e-5),
    harcnn=dict(batch=4, sgd=1e-2, adamw=1e-3),
)


def hashed(name, shape):
    """Uniform numbers of [-1, 1), by FNV-1a of the name and MurmurHash3's finaliser of the index."""
    h = 0x811C9DC5
    for byte in name.encode():
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    with np.errstate(over='ignore'):
        x = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) + np.uint32(h)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x85EBCA6B)
        x ^= x >> np.uint32(13)
        x *= np.uint32(0xC2B2AE35)
        x ^= x >> np.uint32(16)
    return (x.astype(np.float64) / 2**31 - 1).astype(np.float32).reshape(shape)


def parameter(name, shape):
    """Weights within ±1/√fan_in, biases ±0.1, scales of batch normalisation 1 ± 0.1."""
    values = hashed(name, shape)
    if len(shape) > 1:
        return values * np.float32(1 / np.sqrt(np.prod(shape[1:])))
    values = values * np.float32(0.1)
    return values + np.float32(1) if re.search(r'(^|\.)bn\d*\.weight$', name) else values


def harcnn():
    layers, channels = [], 9
    for index, width in enumerate([64, 64, 128, 128]):
        layers += [nn.Conv1d(channels, width, 5, 1, 2, bias=False), nn.BatchNorm1d(width), nn.ReLU()]
        layers += [nn.MaxPool1d(2)] if index < 3 else []
        channels = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(128, CLASSES))


def resnet18_names(model):
    names = {model[0]: 'stem.conv', model[1]: 'stem.bn', model[-1]: 'fc'}
    blocks = [module for module in model if type(module).__name__ == 'BasicBlock']
    for index, block in enumerate(blocks, 1):
        names |= {block.c1: f'block{index}.conv1', block.b1: f'block{index}.bn1'}
        names |= {block.c2: f'block{index}.conv2', block.b2: f'block{index}.bn2'}
        if isinstance(block.short, nn.Sequential):
            names |= {block.short[0]: f'block{index}.short.conv', block.short[1]: f'block{index}.short.bn'}
    return names


def mobilenetv2_names(model):
    names = {model[0]: 'stem.conv', model[1]: 'stem.bn', model[-6]: 'head.conv', model[-5]: 'head.bn', model[-1]: 'fc'}
    blocks = [module for module in model if type(module).__name__ == 'InvertedResidual']
    for index, block in enumerate(blocks, 1):
        layers = [module for module in block.body if isinstance(module, (nn.Conv2d, nn.BatchNorm2d))]
        parts = ['expand', 'depthwise', 'project'][-len(layers) // 2 :]
        for part, conv, norm in zip(parts, layers[::2], layers[1::2]):
            names |= {conv: f'block{index}.{part}', norm: f'block{index}.{part}.bn'}
    return names


def harcnn_names(model):
    names = {model[-1]: 'fc'}
    convolutions = [module for module in model if isinstance(module, nn.Conv1d)]
    norms = [module for module in model if isinstance(module, nn.BatchNorm1d)]
    for index, (conv, norm) in enumerate(zip(convolutions, norms), 1):
        names |= {conv: f'conv{index}', norm: f'conv{index}.bn'}
    return names


def load_weights(model, names):
    with torch.no_grad():
        for module, name in names.items():
            for key, value in module.named_parameters(recurse=False):
                value.copy_(torch.from_numpy(parameter(f'{name}.{key}', tuple(value.shape))).double())


def batch(model_name, sample):
    size = RECIPES[model_name]['batch']
    images = torch.from_numpy(hashed(f'{model_name}/x', (size, *sample)))
    return images.double(), torch.arange(size) * 3 % CLASSES


def summary(tensor):
    """The norm and some entries, spread over the whole tensor."""
    flat = tensor.detach().flatten()
    indices = sorted({int(i * (len(flat) - 1) // (SAMPLES - 1)) for i in range(SAMPLES)})
    return dict(norm=float(f'{flat.norm().item():.8g}'), samples=[[i, float(f'{flat[i].item():.8g}')] for i in indices])


def multiply_adds(model, images):
    """Per image, of convolutions and linear layers."""
    total = 0

    def count(module, _, output):
        nonlocal total
        positions = output[0].numel()
        total += positions * module.weight[0].numel()

    layers = [module for module in model.modules() if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.Linear))]
    hooks = [module.register_forward_hook(count) for module in layers]
    with torch.no_grad():
        model.eval()(images[:1])
    model.train()
    for hook in hooks:
        hook.remove()
    return total


def train(make, name_layers, images, labels, optimizer):
    model = make().double()
    load_weights(model, name_layers(model))
    update = optimizer(model.parameters())
    losses = []
    for _ in range(STEPS):
        update.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        update.step()
        losses.append(float(f'{loss.item():.8g}'))
    return losses


def record(model_name, make, name_layers, sample):
    recipe = RECIPES[model_name]
    model = make().double()
    names = name_layers(model)
    load_weights(model, names)
    images, labels = batch(model_name, sample)
    counted = multiply_adds(model, images)
    logits = model(images)
    loss = F.cross_entropy(logits, labels)
    loss.backward()
    named = [(f'{name}.{key}', value) for module, name in names.items() for key, value in module.named_parameters(recurse=False)]
    assert len(named) == len(list(model.parameters())), 'a layer has no name'
    running = [
        (f'{name}.{key}', value)
        for module, name in names.items()
        for key, value in module.named_buffers(recurse=False)
        if key.startswith('running')
    ]
    return dict(
        torch=torch.__version__,
        model=model_name,
        batch=len(images),
        classes=CLASSES,
        multiplyAddsPerSample=counted,
        loss=loss.item(),
        logits=[float(f'{value:.8g}') for value in logits.flatten().tolist()],
        gradients={name: summary(value.grad) for name, value in named},
        running={name: summary(value) for name, value in running},
        training={
            optimizer: dict(
                learningRate=recipe[optimizer],
                losses=train(make, name_layers, images, labels, lambda p: update(p, lr=recipe[optimizer], **options)),
            )
            for optimizer, update, options in [('sgd', torch.optim.SGD, SGD), ('adamw', torch.optim.AdamW, ADAMW)]
            if optimizer in recipe
        },
    )


def main():
    here = pathlib.Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--peers', type=pathlib.Path, default=here.parents[2] / 'shared' / 'peers')
    peers = parser.parse_args().peers
    spec = importlib.util.spec_from_file_location('torch_step', peers / 'torch_step.py')
    peer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(peer)
    torch.set_num_threads(1)
    models = {
        'resnet18': (peer.resnet18, resnet18_names, (3, 32, 32)),
        'mobilenetv2': (peer.mobilenetv2, mobilenetv2_names, (3, 32, 32)),
        'harcnn': (harcnn, harcnn_names, (9, 128)),
    }
    for name, layers in models.items():
        path = here / 'fixtures' / f'torch-{name}.json'
        path.write_text(json.dumps(record(name, *layers)) + '\n')
        print(path, path.stat().st_size, 'bytes')


if __name__ == '__main__':
    main()
