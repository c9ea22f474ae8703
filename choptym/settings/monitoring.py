"""Where each process tells its figures."""

from choptym.settings import env

# Workers and beat listen there; 0: they tell nobody. The web and event-stream processes tell at /metrics.
METRICS_PORT = env.integer("METRICS_PORT", 0, minimum=0, maximum=65535)
METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
# Several processes behind one port keep their figures in files there, so that whoever is asked tells those of all.
PROMETHEUS_MULTIPROC_DIR = env.text("PROMETHEUS_MULTIPROC_DIR", "")
env.make_metrics_directory(PROMETHEUS_MULTIPROC_DIR)
