/* What the sample calls: Zephyr, "API reference". */
#include <stdbool.h>
#include <stdint.h>
struct device;
#define DT_ALIAS(alias) alias
#define DEVICE_DT_GET(node) (&node)
extern const struct device accel0, current0;
bool device_is_ready(const struct device *device);
