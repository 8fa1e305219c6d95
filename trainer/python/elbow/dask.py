"""Scores of Dask's DataFrames."""

import pyarrow

from . import arrow
from .model import Model


def score(ddf, model, keep=(), estimator=None):
    """Score the rows of a DataFrame of Dask, part by part: `elbow.arrow.score_batches` on each.

    Parameters
    ----------
    ddf : dask.dataframe.DataFrame
    model : Model, or the folder of a run
        It is sent to the workers with the graph, some kilobytes.
    keep : sequence of str
        Columns that stay beside the scores.
    estimator : see `elbow.arrow.score_batches`

    Returns
    -------
    dask.dataframe.DataFrame
        With the index of `ddf`.
    """
    model = model if isinstance(model, Model) else Model(model)
    arrow.open_model(model, estimator)
    meta = _part(ddf._meta_nonempty, model, keep, estimator).iloc[:0]
    return ddf.map_partitions(_part, model, keep, estimator, meta=meta)


def _part(frame, model, keep, estimator):
    """The scores of one part, a DataFrame of pandas."""
    import pandas

    table = pyarrow.Table.from_pandas(frame, preserve_index=False)
    scored = arrow.score_batches(table.to_batches(), model, keep, estimator)
    made = pyarrow.Table.from_batches(scored, arrow.schema(table.schema, keep)).to_pandas()
    return made.set_index(pandas.Index(frame.index))
