"""Scores of batches: an iterator of Arrow's record batches in, an iterator of record batches out.

It is what Spark's `mapInArrow` and Dask's partitions take, and needs no more memory than a batch. Each row is scored by
itself, so that the integers are those of one machine however the rows are divided.
"""

import pyarrow

from .model import Model

#: Columns of a score, and their types.
SCORES = pyarrow.schema(
    [
        ("elbo", pyarrow.float64()),
        ("p_value", pyarrow.float64()),
        ("surprise", pyarrow.float64()),
        ("elbo_q16", pyarrow.int32()),
        ("reconstruction_q16", pyarrow.int32()),
        ("kl_q16", pyarrow.int32()),
        ("p_value_q31", pyarrow.uint32()),
        ("statistic", pyarrow.string()),
    ]
)

#: Rows that are scored together, at most.
ROWS = 65536


def score_batches(batches, model, keep=(), estimator=None):
    """Score batches of rows.

    Parameters
    ----------
    batches : iterable of pyarrow.RecordBatch
        Rows with the columns that the model was trained on, in any order, and any others.
    model : Model, bytes, str or Path
        The model, its image, or the folder of its run.
    keep : sequence of str
        Columns that stay beside the scores: keys, times.
    estimator : str, optional
        `sigma-points` or `posterior-mean`: rows know nothing of each other, and have no random streams of their own.

    Yields
    ------
    pyarrow.RecordBatch
        The columns `keep` and then `SCORES`, a row for each row.

    Raises
    ------
    ValueError
        A model of a stream, whose windows span rows, or an estimator that draws.
    """
    model = open_model(model, estimator)
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            part = batch.slice(start, ROWS)
            yield _scored(part, model, list(keep), estimator)


def schema(given, keep=()):
    """The columns that `score_batches` yields for batches of the schema `given`."""
    return pyarrow.schema([*(given.field(name) for name in keep), *SCORES])


def open_model(model, estimator=None):
    """The model, that scores rows one by one."""
    if not isinstance(model, Model):
        model = Model(model)
    if model.is_stream:
        raise ValueError(
            f"{model.name} takes windows of a stream, which span rows: "
            "score each recording whole, by Model.score or `trainer score`"
        )
    if (estimator or model.estimator).partition(":")[0] not in ("sigma-points", "posterior-mean"):
        raise ValueError(
            f"{estimator or model.estimator} draws random numbers by the number of a row, which batches do not have: "
            "say sigma-points or posterior-mean"
        )
    return model


def _scored(batch, model, keep, estimator):
    wanted = [name for name, _ in model.columns]
    rows = batch.drop_columns(keep) if keep and not any(name in wanted for name in keep) else batch
    scores = model.score(rows, estimator)
    columns = [batch.column(name) for name in keep]
    for field in SCORES:
        columns.append(pyarrow.array(getattr(scores, field.name), type=field.type))
    return pyarrow.RecordBatch.from_arrays(columns, schema=schema(batch.schema, keep))
