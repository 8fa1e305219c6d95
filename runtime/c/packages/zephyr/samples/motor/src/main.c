/* Watches a motor 2000 times a second: two axes of the sensor `accel0`, and the current of the sensor `current0`, which are aliases
 * of the devicetree.
 *
 * The model beside this file ships with elbow, and knows another motor than yours: record yours (a column each), cargo trainer fit
 * LOG --rate 2000 --window 256 --hop 128, cargo trainer export RUN --c, and copy both files here.
 */
#include <zephyr/device.h>
#include <zephyr/drivers/sensor.h>
#include <zephyr/kernel.h>
#include <zephyr/sys/printk.h>

#include "elbow.h"
#include "motor.h"

static const struct device *const accelerometer = DEVICE_DT_GET(DT_ALIAS(accel0));
static const struct device *const ammeter = DEVICE_DT_GET(DT_ALIAS(current0));

static elbow_model model;
static elbow_watch watch;
static uint64_t workspace[MOTOR_WATCH_BYTES / 8];

K_TIMER_DEFINE(clock_of_samples, NULL, NULL);

/* A sample in the units of the model: m/s2, m/s2, A. */
static int fetch(double values[MOTOR_CHANNELS]) {
  struct sensor_value acceleration[3], current;
  int failed = sensor_sample_fetch(accelerometer);
  if (failed == 0) failed = sensor_channel_get(accelerometer, SENSOR_CHAN_ACCEL_XYZ, acceleration);
  if (failed == 0) failed = sensor_sample_fetch(ammeter);
  if (failed == 0) failed = sensor_channel_get(ammeter, SENSOR_CHAN_CURRENT, &current);
  if (failed != 0) return failed;
  values[0] = sensor_value_to_double(&acceleration[0]);
  values[1] = sensor_value_to_double(&acceleration[1]);
  values[2] = sensor_value_to_double(&current);
  return 0;
}

static void tell(const elbow_event *event) {
  const double bound = (double)event->score.elbo / ELBOW_NAT;
  printk("%u %.2f nats\n", (unsigned int)event->window, bound);
  if (event->transition == ELBOW_RAISED) printk("alarm: look at %s\n", motor_columns[event->channel].name);
  if (event->transition == ELBOW_CLEARED) printk("the alarm has ended\n");
}

static elbow_code push(const double values[MOTOR_CHANNELS]) {
  int16_t sample[MOTOR_CHANNELS];
  for (int i = 0; i < MOTOR_CHANNELS; i++) {
    sample[i] = elbow_raw_reading(values[i], motor_columns[i].exponent, motor_columns[i].offset).value;
  }
  elbow_event event;
  bool has_event = false;
  const elbow_code code = elbow_watch_push(&watch, sample, MOTOR_CHANNELS, &event, &has_event);
  if (code == ELBOW_OK && has_event) tell(&event);
  return code;
}

int main(void) {
  /* The alarm is raised below what one in 1000 normal windows scores, and ends above one in 10. Scores are smoothed over 2^2 windows. */
  const elbow_watch_settings settings = {.estimator = ELBOW_SIGMA_POINTS,
                                         .enter = MOTOR_P_1_IN_1000,
                                         .leave = MOTOR_P_1_IN_10,
                                         .time_constant = 2};
  elbow_code code = elbow_model_parse(&model, motor_image.bytes, MOTOR_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
  if (code == ELBOW_OK) code = elbow_watch_init(&watch, &model, workspace, sizeof workspace, &settings, 0);
  if (!device_is_ready(accelerometer) || !device_is_ready(ammeter)) {
    printk("a sensor is not ready\n");
    return 1;
  }
  k_timer_start(&clock_of_samples, K_USEC(500), K_USEC(500));
  double values[MOTOR_CHANNELS];
  while (code == ELBOW_OK) {
    k_timer_status_sync(&clock_of_samples);
    if (fetch(values) == 0) code = push(values);
  }
  printk("%s\n", elbow_describe(code));
  return 1;
}
