"""Scores of Spark's DataFrames."""

from . import arrow
from .model import Model


def score(df, model, keep=(), estimator=None):
    """Score the rows of a DataFrame of Spark: `elbow.arrow.score_batches` on each of its parts, by `mapInArrow`.

    Parameters
    ----------
    df : pyspark.sql.DataFrame
    model : Model, or the folder of a run
        It is sent to each worker once for each task that it is given, some kilobytes.
    keep : sequence of str
        Columns that stay beside the scores.
    estimator : see `elbow.arrow.score_batches`

    Returns
    -------
    pyspark.sql.DataFrame
    """
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

    model = model if isinstance(model, Model) else Model(model)
    arrow.open_model(model, estimator)
    made = arrow.schema(to_arrow_schema(df.schema), keep)
    # Spark has no unsigned integers.
    made = _signed(made)

    def score_part(batches):
        for scored in arrow.score_batches(batches, model, keep, estimator):
            yield scored.cast(made)

    return df.mapInArrow(score_part, from_arrow_schema(made))


def _signed(schema):
    import pyarrow

    fields = [pyarrow.field(field.name, pyarrow.int64()) if field.type == pyarrow.uint32() else field for field in schema]
    return pyarrow.schema(fields)
