/* Scores readings of a pump: type or paste nine numbers between blanks, in the order and the units that are asked for.

   The model beside this sketch ships with elbow. For one of your own: cargo trainer export RUN --c, copy both files here, and let the
   names below begin with its name. */
#include <elbow.h>

#include "pump.h"

static elbow_model model;
static elbow_session session;
static uint64_t workspace[PUMP_WORKSPACE_BYTES / 8];
static int16_t reading[PUMP_READING_LENGTH];

static void stop(elbow_code code) {
  for (;;) {
    Serial.println(elbow_describe(code));
    delay(1000);
  }
}

void setup() {
  Serial.begin(115200);
  Serial.setTimeout(60000);
  elbow_code code = elbow_model_parse(&model, pump_image.bytes, PUMP_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
  if (code == ELBOW_OK) code = elbow_session_init(&session, &model, workspace, sizeof workspace, 0);
  if (code != ELBOW_OK) stop(code);
}

void loop() {
  for (unsigned i = 0; i < PUMP_READING_LENGTH; i++) {
    const pump_column *column = &pump_columns[i];
    Serial.print(column->name);
    Serial.print(" [");
    Serial.print(column->unit);
    Serial.println("]?");
    while (!Serial.available()) delay(1);
    elbow_raw raw = elbow_raw_reading(Serial.parseFloat(), column->exponent, column->offset);
    if (raw.saturated) Serial.println("that lies beyond the range of the column");
    reading[i] = raw.value;
  }
  elbow_score score;
  elbow_code code = elbow_session_score(&session, reading, PUMP_READING_LENGTH, ELBOW_SIGMA_POINTS, &score);
  if (code != ELBOW_OK) {
    Serial.println(elbow_describe(code));
    return;
  }
  Serial.print("bound, nats: ");
  Serial.println((double)score.elbo / ELBOW_NAT);
  Serial.print("p-value: ");
  Serial.println((double)score.p_value / ELBOW_CERTAIN, 6);
  Serial.println(score.p_value <= PUMP_P_1_IN_100 ? "alarm: one in 100 normal readings is like that" : "normal");
}
