"""Tables of Python as columns of numbers, text or times."""

import numpy as np
from sklearn.utils import check_array


class Columns(list):
    """Columns as the compiled half takes them: of each its name, its unit, and its cells."""


def table(data):
    """The table `data` for the compiled half.

    A DataFrame of pandas or polars and a table of Arrow keep their names, and their types say what columns are: numbers,
    flags, text, times. Everything else is an array of numbers of shape (rows, columns). NaN and null are missing cells.
    """
    library = type(data).__module__.partition(".")[0]
    if library == "pandas" and hasattr(data, "columns"):
        return Columns(_named(name, _of_pandas(data.iloc[:, at])) for at, name in enumerate(data.columns))
    if library == "polars" and hasattr(data, "columns"):
        return Columns(_named(name, _of_polars(data[name])) for name in data.columns)
    if library == "pyarrow":
        columns = zip(data.schema.names, data.columns, strict=True)
        return Columns(_named(name, _of_arrow(column)) for name, column in columns)
    return matrix(data)


def matrix(data):
    """The array `data`, (rows, columns), as float64; NaN is missing.

    Raises
    ------
    ValueError
        Another shape, an infinite value, or no numbers.
    """
    return check_array(data, dtype=np.float64, ensure_all_finite="allow-nan", ensure_min_samples=0, input_name="X")


def names(data):
    """The names of the columns of `data`; none of an array."""
    if type(data).__module__.partition(".")[0] == "pyarrow":
        return list(data.schema.names)
    columns = getattr(data, "columns", None)
    return None if columns is None else [str(name) for name in columns]


def _named(name, cells):
    return (str(name), None, cells)


def _seconds(values):
    """Times of NumPy as seconds since 1970."""
    times = np.asarray(values).astype("datetime64[us]")
    seconds = times.astype(np.int64) / 1e6
    seconds[np.isnat(times)] = np.nan
    return {"seconds": seconds}


def _text(values):
    """Text, of which None and NaN are missing."""
    codes = np.empty(len(values), dtype=np.int32)
    places = {}
    for row, value in enumerate(values):
        missing = value is None or value != value
        codes[row] = -1 if missing else places.setdefault(str(value), len(places))
    return (list(places), codes)


def _codes(values, codes):
    """Text by the place of each value among all `values`, as first met."""
    codes = np.asarray(codes)
    used, first = np.unique(codes[codes >= 0], return_index=True)
    order = used[np.argsort(first)]
    place = np.full(len(values) + 1, -1, dtype=np.int32)
    place[order] = np.arange(len(order), dtype=np.int32)
    return ([str(values[code]) for code in order], place[codes])


def _of_pandas(series):
    import pandas

    kind = series.dtype
    if isinstance(kind, pandas.CategoricalDtype):
        if pandas.api.types.is_numeric_dtype(series.cat.categories.dtype):
            return _of_pandas(series.astype(series.cat.categories.dtype))
        return _codes(series.cat.categories, series.cat.codes)
    if pandas.api.types.is_datetime64_any_dtype(kind):
        return _seconds(series.dt.tz_convert("UTC").dt.tz_localize(None) if series.dt.tz else series)
    if pandas.api.types.is_timedelta64_dtype(kind):
        return _contiguous(series.dt.total_seconds())
    if pandas.api.types.is_numeric_dtype(kind):
        return _contiguous(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return _numbers_or_text(series.to_numpy(dtype=object))


def _of_polars(series):
    import polars

    kind = series.dtype
    if kind.is_numeric() or kind == polars.Boolean:
        return _contiguous(series.cast(polars.Float64).to_numpy())
    if kind == polars.Duration:
        return _contiguous(series.dt.total_microseconds().cast(polars.Float64).to_numpy() / 1e6)
    if kind.is_temporal():
        return _seconds(series.cast(polars.Datetime("us")).to_numpy())
    return _text(series.cast(polars.String).to_list())


def _of_arrow(column):
    import pyarrow
    import pyarrow.compute

    kind = column.type
    types = pyarrow.types
    if types.is_dictionary(kind):
        return _of_arrow(column.cast(kind.value_type))
    if types.is_boolean(kind):
        column = column.cast(pyarrow.int8())
        kind = column.type
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        numbers = column.cast(pyarrow.float64(), safe=False)
        return _contiguous(numbers.to_numpy(zero_copy_only=False) if _is_plain(numbers) else numbers.to_numpy())
    if types.is_timestamp(kind) or types.is_date(kind):
        times = column.cast(pyarrow.timestamp("us"), safe=False)
        return _seconds(times.to_numpy(zero_copy_only=False) if _is_plain(times) else times.to_numpy())
    if types.is_duration(kind):
        microseconds = column.cast(pyarrow.duration("us"), safe=False).cast(pyarrow.int64())
        return _contiguous(_of_arrow(microseconds) / 1e6)
    return _text(column.cast(pyarrow.string()).to_pylist())


def _is_plain(column):
    """Whether a column of Arrow is one array, not several chunks."""
    import pyarrow

    return isinstance(column, pyarrow.Array)


def _numbers_or_text(values):
    """Cells of any type: numbers where all are, text otherwise."""
    try:
        return _contiguous(np.array([np.nan if value is None else value for value in values], dtype=np.float64))
    except (TypeError, ValueError):
        return _text(values)


def _contiguous(values):
    return np.ascontiguousarray(values, dtype=np.float64)
