"""The pictures on the pages, and the commands that make them, as quoted on the pages."""

__all__ = ["PICTURES", "RUNS"]

RUNS = {
    "learned-digits-001": "priorkit train --prior learned --loss perceptual",
    "learned-mnist": "priorkit train learned --dataset mnist --steps 2500 --out runs/learned-mnist",
    "colour": "priorkit train learned --dataset npz --data-dir cifar10.npz --steps 1500 --out runs/colour",
    "photos": "priorkit train autoencoder --dataset npz --data-dir cifar10.npz --code-dim 128 --steps 1500 "
    "--out runs/photos",
    "mixture": "priorkit fit runs/vae --prior mixture --prior.em --prior.components 20 --out runs/mixture",
    "flow-matching": "priorkit fit runs/vae --prior flow-matching --steps 2000 --out runs/flow-matching",
    # The same settings as in gallery.py.
    "aae": "priorkit train aae --dataset mnist --steps 600 --seed 0 --out runs/aae",
    "learned": "priorkit train learned --dataset mnist --steps 600 --seed 0 --out runs/learned",
    "learned-supervised": "priorkit train learned-supervised --dataset mnist --steps 600 --seed 0 "
    "--out runs/learned-supervised",
    "learned-unsupervised": "priorkit train learned-unsupervised --dataset mnist --steps 600 --seed 0 "
    "--out runs/learned-unsupervised",
    "vae": "priorkit train vae --dataset mnist --steps 600 --seed 0 --out runs/vae",
}
"""The commands that train runs, by the name of the folder in runs/."""

PICTURES = {
    "samples": "priorkit sample runs/learned-mnist -n 32 --columns 16",
    "interpolations": "priorkit interpolate runs/learned-mnist -n 4 --steps 12",
    "nearest": "priorkit picture nearest runs/learned-mnist -n 4 --columns 8",
    "samples-digits": "priorkit sample runs/learned-digits-001 -n 32 --columns 16",
    "reconstructions-digits": "priorkit reconstruct runs/learned-digits-001 -n 16 --columns 16",
    "samples-colour": "priorkit sample runs/colour -n 32 --columns 16",
    "reconstructions-colour": "priorkit reconstruct runs/photos -n 16 --columns 16",
    "nearest-colour": "priorkit picture nearest runs/colour -n 4 --columns 8",
    "prior-gaussian": "priorkit sample runs/vae -n 32 --columns 16",
    "prior-mixture": "priorkit sample runs/mixture -n 32 --columns 16",
    "prior-flow-matching": "priorkit sample runs/flow-matching -n 32 --columns 16",
    "diagnosis": "priorkit diagnose runs/vae",
    "labels": "priorkit sample runs/learned-supervised --label 3,7 -n 32 --columns 16",
    "classes": "priorkit picture classes runs/learned-supervised -n 4",
    "tsne": "priorkit picture tsne runs/learned-supervised",
    "found-classes": "priorkit picture classes runs/learned-unsupervised -n 4",
    "sweep": "priorkit picture sweep runs/learned runs/aae",
}
"""The commands that draw pictures, by the name of the file in docs/pictures."""
