/* Watches a motor: two axes of vibration and the current of a phase, 2000 times a second, at A0, A1 and A2.

   The model beside this sketch ships with elbow, and knows another motor than yours: record yours (a column each, 2000 rows a second),
   cargo trainer fit LOG --rate 2000 --window 256 --hop 128, cargo trainer export RUN --c, and copy both files here. */
#include <elbow.h>

#include "motor.h"

/* Microseconds from one sample to the next. */
static const unsigned long PERIOD = 500;

/* Units a count of the converter: 10 bits over -32 to 32 m/s2, and over -16 to 16 A. A count of 512 is zero. */
static const double UNITS[MOTOR_CHANNELS] = {0.0625, 0.0625, 0.03125};
static const uint8_t PINS[MOTOR_CHANNELS] = {A0, A1, A2};

static elbow_model model;
static elbow_watch watch;
static uint64_t workspace[MOTOR_WATCH_BYTES / 8];
static unsigned long due;

static void stop(elbow_code code) {
  for (;;) {
    Serial.println(elbow_describe(code));
    delay(1000);
  }
}

void setup() {
  Serial.begin(115200);
  pinMode(LED_BUILTIN, OUTPUT);
  /* The alarm is raised below what one in 1000 normal windows scores, and ends above one in 10. Scores are smoothed over 2^2 windows. */
  elbow_watch_settings settings = {};
  settings.estimator = ELBOW_SIGMA_POINTS;
  settings.enter = MOTOR_P_1_IN_1000;
  settings.leave = MOTOR_P_1_IN_10;
  settings.time_constant = 2;
  elbow_code code = elbow_model_parse(&model, motor_image.bytes, MOTOR_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
  if (code == ELBOW_OK) code = elbow_watch_init(&watch, &model, workspace, sizeof workspace, &settings, 0);
  if (code != ELBOW_OK) stop(code);
  due = micros();
}

void loop() {
  while ((long)(micros() - due) < 0) {
  }
  due += PERIOD;
  int16_t sample[MOTOR_CHANNELS];
  for (unsigned i = 0; i < MOTOR_CHANNELS; i++) {
    const double value = (analogRead(PINS[i]) - 512) * UNITS[i];
    sample[i] = elbow_raw_reading(value, motor_columns[i].exponent, motor_columns[i].offset).value;
  }
  elbow_event event;
  bool has_event = false;
  elbow_code code = elbow_watch_push(&watch, sample, MOTOR_CHANNELS, &event, &has_event);
  if (code != ELBOW_OK) stop(code);
  if (!has_event) return;
  const bool alarm = event.transition == ELBOW_RAISED || event.transition == ELBOW_ALARM;
  digitalWrite(LED_BUILTIN, alarm ? HIGH : LOW);
  Serial.print(event.window);
  Serial.print(" ");
  Serial.print((double)event.score.elbo / ELBOW_NAT);
  Serial.println(alarm ? " nats, alarm" : " nats");
  /* A window that took longer than a sample has made the clock late: the next window starts anew on time. */
  if ((long)(micros() - due) > 0) due = micros();
}
