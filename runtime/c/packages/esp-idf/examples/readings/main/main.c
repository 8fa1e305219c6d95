/* Scores readings of a pump: type or paste nine numbers into `idf.py monitor`, in the order and the units that are asked for.

   The model beside this file ships with elbow. For one of your own: cargo trainer export RUN --c, copy both files here, and let the
   names below begin with its name. */
#include <stdio.h>
#include <stdlib.h>

#include "elbow.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "pump.h"

static elbow_model model;
static elbow_session session;
static uint64_t workspace[PUMP_WORKSPACE_BYTES / 8];
static int16_t reading[PUMP_READING_LENGTH];

/* A number from the console, which has nothing to say while nobody types. */
static double number(void) {
  char text[32];
  size_t length = 0;
  for (;;) {
    int next = getchar();
    if (next == EOF) {
      vTaskDelay(1);
      continue;
    }
    const bool ends = next == ' ' || next == '\n' || next == '\r' || next == '\t';
    if (ends && length > 0) break;
    if (!ends && length < sizeof text - 1) text[length++] = (char)next;
  }
  text[length] = '\0';
  return strtod(text, NULL);
}

static elbow_code score_one(void) {
  for (int i = 0; i < PUMP_READING_LENGTH; i++) {
    const pump_column *column = &pump_columns[i];
    printf("%s [%s]?\n", column->name, column->unit);
    elbow_raw raw = elbow_raw_reading(number(), column->exponent, column->offset);
    if (raw.saturated) printf("that lies beyond the range of %s\n", column->name);
    reading[i] = raw.value;
  }
  elbow_score score;
  elbow_code code = elbow_session_score(&session, reading, PUMP_READING_LENGTH, ELBOW_SIGMA_POINTS, &score);
  if (code != ELBOW_OK) return code;
  printf("%.5f nats, p-value %.6f: %s\n", (double)score.elbo / ELBOW_NAT, (double)score.p_value / ELBOW_CERTAIN,
         score.p_value <= PUMP_P_1_IN_100 ? "alarm" : "normal");
  return ELBOW_OK;
}

void app_main(void) {
  elbow_code code = elbow_model_parse(&model, pump_image.bytes, PUMP_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
  if (code == ELBOW_OK) code = elbow_session_init(&session, &model, workspace, sizeof workspace, 0);
  while (code == ELBOW_OK) code = score_one();
  printf("%s\n", elbow_describe(code));
}
