from workbench.runs.logger import start as start
from workbench.training.fit_callback import LiveCallback as LiveCallback

__version__: str
