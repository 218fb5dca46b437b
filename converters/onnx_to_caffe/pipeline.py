"""The passes from a lowered Net to the Net that is written, as data: their order, and why it is this one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import converters.dialects as dialects
from converters.caffe.net import Net
from converters.caffe.passes.absorb_pads import absorb_pads
from converters.caffe.passes.absorb_transposes import absorb_transposes
from converters.caffe.passes.absorb_upsampling import absorb_upsampling
from converters.caffe.passes.activation_after_pool import activation_after_pool
from converters.caffe.passes.eliminate_shuffles import eliminate_shuffles
from converters.caffe.passes.fold import fold, fold_rewrites
from converters.caffe.passes.in_place import in_place, in_place_for_training
from converters.caffe.passes.leave_out_final_views import leave_out_final_views
from converters.caffe.passes.merge_duplicates import merge_duplicates
from converters.caffe.passes.merge_views import merge_views
from converters.caffe.passes.name_layers import name_layers
from converters.caffe.passes.name_norm_pairs import name_norm_pairs
from converters.caffe.passes.preprocess import preprocess
from converters.caffe.passes.tiled_mean import tiled_mean
from converters.caffe.passes.training_fields import training_fields
from converters.caffe.places import Context, Result
from converters.errors import ToolkitError
from converters.onnx_to_caffe.facts import (
    FOLDED,
    LEGAL,
    MERGED,
    PADS_ABSORBED,
    PREPROCESSED,
    REWRITTEN,
    TRANSPOSES_ABSORBED,
    UNSHARED,
    WIRED,
)
from converters.onnx_to_caffe.lower import Lowered
from converters.preprocessing import Preprocessing

LOWERED = (WIRED, UNSHARED)  # what lowering ensures
Facts = tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Task(Context):
    """What a conversion is for: the dialect, beside what every pass may ask for."""

    dialect: dialects.Dialect


def task_for(lowered: Lowered, dialect: dialects.Dialect, preprocessing: Preprocessing | None = None) -> Task:
    """The task of bringing a lowered network into a dialect."""
    return Task(lowered.shapes, lowered.makers, preprocessing or Preprocessing(), dialect=dialect)


@dataclass(frozen=True)
class Pass:
    """One step of a pipeline, and facts about the net around it. `needed` says why it can't be left out; '' if it can.

    A fact that is required only for profit is not missed where the pass that ensures it was left out.
    """

    name: str
    run: Callable[[Net, Task], Result]
    requires: Facts
    ensures: Facts = ()
    breaks: Facts = ()
    needed: str = ""


def ordered(*passes: Pass) -> tuple[Pass, ...]:
    """The passes as they are; RuntimeError where one stands where it can't, with the name of the one to blame."""
    held, broken = set(LOWERED), dict[str, str]()
    for place, one in enumerate(passes):
        for fact in one.requires:
            if fact not in held:
                later = next((other.name for other in passes[place:] if fact in other.ensures), "")
                blame = f"'{later}' ensures only behind it" if later else "no pass ensures"
                blame = f"'{broken[fact]}' before it breaks" if fact in broken else blame
                raise RuntimeError(f"the pass '{one.name}' requires a net {fact}, which {blame}")
        broken.update(dict.fromkeys(one.breaks, one.name))
        held = (held - set(one.breaks)) | set(one.ensures)
    if len({one.name for one in passes}) < len(passes):
        raise RuntimeError("two passes have one name")
    return passes


def legalise(net: Net, task: Task) -> Result:
    """Rewrite what the dialect lacks; what it can't have comes as problems."""
    return dialects.legalise(net, task.dialect)


def legalise_at_last(net: Net, task: Task) -> Result:
    """The same for the net that is written, and without what the dialect avoids."""
    return dialects.legalise(net, task.dialect, last=True)


def absorb_upsampling_where_taken(net: Net, task: Task) -> Result:
    """Let convolutions read the image before it is upsampled, where the dialect has the Deconvolution for it."""
    return absorb_upsampling(net, lambda node: task.dialect.blocks(node) or task.dialect.slows(node))


PREPROCESS = Pass(
    "preprocess",
    preprocess,
    requires=(UNSHARED,),
    ensures=(PREPROCESSED,),
    needed="the network would take other images than asked for",
)
LEGALISE = Pass(
    "legalise",
    legalise,
    requires=(UNSHARED, PREPROCESSED),
    ensures=(REWRITTEN, LEGAL),
    breaks=(MERGED, FOLDED),
    needed="the net would have layers that its dialect does not have",
)
LEGALISE_AGAIN = Pass(
    "legalise_again",
    legalise_at_last,
    requires=(REWRITTEN, UNSHARED),
    ensures=(LEGAL,),
    needed="layers that rewrites kept apart may have met, and engines fuse some that do",
)

DEPLOY = ordered(
    PREPROCESS,
    # Fewer readers to each blob: only what one layer reads can be moved into that layer.
    Pass("merge_duplicates", merge_duplicates, requires=(UNSHARED, PREPROCESSED), ensures=(MERGED,)),
    Pass("absorb_transposes", absorb_transposes, requires=(UNSHARED, MERGED), ensures=(TRANSPOSES_ABSORBED,)),
    Pass("absorb_pads", absorb_pads, requires=(UNSHARED, MERGED), ensures=(PADS_ABSORBED,)),
    # A shift does not cross padding, so folding has to know which convolutions pad.
    Pass("fold", fold, requires=(UNSHARED, MERGED, TRANSPOSES_ABSORBED, PADS_ABSORBED), ensures=(FOLDED,)),
    # A maximum over zeros must see that nothing below them is left, so its pad is absorbed while the ReLU is before it.
    Pass("activation_after_pool", activation_after_pool, requires=(UNSHARED, PADS_ABSORBED)),
    Pass("eliminate_shuffles", eliminate_shuffles, requires=(UNSHARED, FOLDED)),
    LEGALISE,
    # What only the rewrites brought in: views of views, layers that are alike, affine layers in a row.
    Pass("merge_views", merge_views, requires=(UNSHARED, REWRITTEN), breaks=(LEGAL,)),
    Pass(
        "merge_duplicates_again",
        merge_duplicates,
        requires=(UNSHARED, REWRITTEN),
        ensures=(MERGED,),
        breaks=(LEGAL,),
    ),
    Pass(
        "fold_rewrites",
        fold_rewrites,
        requires=(UNSHARED, REWRITTEN, MERGED),
        ensures=(FOLDED,),
        breaks=(LEGAL,),
    ),
    # Only now are the affine layers in the convolutions, and the upsampling is what the dialect has for it.
    Pass(
        "absorb_upsampling",
        absorb_upsampling_where_taken,
        requires=(UNSHARED, REWRITTEN, FOLDED),
        breaks=(LEGAL,),
    ),
    Pass("tiled_mean", tiled_mean, requires=(UNSHARED, REWRITTEN), breaks=(LEGAL,)),
    LEGALISE_AGAIN,
    # Every blob still has a layer of its own to be called after.
    Pass("name_layers", name_layers, requires=(UNSHARED, LEGAL)),
    Pass("in_place", in_place, requires=(UNSHARED, LEGAL), breaks=(UNSHARED,)),
)
TRAIN = ordered(
    PREPROCESS,
    LEGALISE,
    Pass("leave_out_final_views", leave_out_final_views, requires=(UNSHARED, LEGAL)),
    Pass("name_norm_pairs", name_norm_pairs, requires=(UNSHARED, LEGAL)),
    Pass("in_place_for_training", in_place_for_training, requires=(UNSHARED, LEGAL), breaks=(UNSHARED,)),
    Pass(
        "training_fields",
        training_fields,
        requires=(LEGAL,),
        needed="style train is these fields",
    ),
)
PIPELINES = {"deploy": DEPLOY, "train": TRAIN}


def pipeline_of(style: str) -> tuple[Pass, ...]:
    """The passes of a style; ToolkitError where there is none of that name."""
    if style not in PIPELINES:
        raise ToolkitError(f"unknown style '{style}'; known: {', '.join(PIPELINES)}")
    return PIPELINES[style]


def parts(passes: Sequence[Pass]) -> tuple[tuple[Pass, ...], tuple[Pass, ...]]:
    """The passes that do not depend on the dialect, which come first, and the others."""
    cut = next(place for place, one in enumerate(passes) if LEGAL in one.ensures)
    return tuple(passes[:cut]), tuple(passes[cut:])


def left_out(passes: Sequence[Pass], skip: Collection[str], keep_shuffle: bool = False) -> frozenset[str]:
    """The names of the passes to leave out; ToolkitError for one that there is not or that is needed."""
    needed = {one.name: one.needed for one in passes}
    for name in skip:
        if name not in needed:
            able = ", ".join(one.name for one in passes if not one.needed)
            raise ToolkitError(f"there is no pass '{name}' in this style; these can be left out: {able}")
        if needed[name]:
            raise ToolkitError(f"the pass '{name}' can't be left out: {needed[name]}")
    return frozenset((*skip, "eliminate_shuffles") if keep_shuffle else skip)
