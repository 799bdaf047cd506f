"""Python objects that replace named components of a run: images, data sets, modules."""

from priorkit.given.objects import MODULES, GivenObjects, still_given

__all__ = ["MODULES", "GivenObjects", "still_given"]
