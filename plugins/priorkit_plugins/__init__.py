"""The components that come with priorkit, each plug-in a folder of the shape that a third party would publish."""
