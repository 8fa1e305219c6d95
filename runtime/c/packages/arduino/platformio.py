"""PlatformIO: links the archive of the board's processor, which the Arduino IDE finds by the names of the same folders."""

import os


def folder(mcu, cpu, flags):
    """The folder of `src` whose archive serves, or None.

    mcu and cpu are the board's `build.mcu` and `build.cpu`; flags are the compiler's.
    """
    if mcu.startswith("esp32"):
        return {"esp32c2": "esp32c2", "esp32c3": "esp32c3", "esp32c6": "esp32c6", "esp32h2": "esp32h2"}.get(mcu)
    flags = [str(flag) for flag in flags]
    named = [flag[len("-mcpu=") :] for flag in flags if flag.startswith("-mcpu=")]
    core = (named[-1] if named else cpu or mcu).split("+")[0]
    float_abi = [flag[len("-mfloat-abi=") :] for flag in flags if flag.startswith("-mfloat-abi=")]
    is_hard = bool(float_abi) and float_abi[-1] == "hard"
    soft = {"cortex-m0", "cortex-m0plus", "cortex-m23", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33"}
    hard = {
        "cortex-m4": "cortex-m4/fpv4-sp-d16-hard",
        "cortex-m7": "cortex-m7/fpv5-d16-hard",
        "cortex-m33": "cortex-m33/fpv5-sp-d16-hard",
    }
    return hard.get(core) if is_hard else core if core in soft else None


if "Import" in globals():
    Import("env")  # noqa: F821
    board = env.BoardConfig()  # noqa: F821
    mcu, cpu = board.get("build.mcu", ""), board.get("build.cpu", "")
    here = env.Dir(".").srcnode().abspath  # noqa: F821
    found = folder(mcu, cpu, env.get("CCFLAGS", []) + env.get("LINKFLAGS", []))  # noqa: F821
    if found is None:
        raise SystemExit(f"elbow has no archive for {mcu} ({cpu or 'no build.cpu'}): see its README.md for those that it has")
    env.Append(LIBPATH=[os.path.join(here, "src", *found.split("/"))], LIBS=["elbow"])  # noqa: F821
