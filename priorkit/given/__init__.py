"""What Python code gives to a run in the place of named components: images, data sets, modules."""

from priorkit.given.objects import MODULES, GivenObjects, still_given

__all__ = ["MODULES", "GivenObjects", "still_given"]
