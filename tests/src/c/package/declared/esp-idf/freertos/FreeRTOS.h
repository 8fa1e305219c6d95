/* What the example calls: FreeRTOS, "API reference". */
#include <stdint.h>
