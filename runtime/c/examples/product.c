/* The least product: parses a model, scores readings by sigma points, and lights a lamp by their p-values. */
#include "digits.h"
#include "elbow.h"

volatile int16_t sensor;
volatile bool lamp;

int main(void) {
  elbow_model model;
  elbow_session session;
  elbow_score score;
  uint64_t workspace[DIGITS_WORKSPACE_BYTES / 8];
  int16_t reading[DIGITS_READING_LENGTH];
  if (elbow_model_parse(&model, digits_image.bytes, DIGITS_IMAGE_BYTES) != ELBOW_OK) return 1;
  if (elbow_session_init(&session, &model, workspace, sizeof workspace, 0) != ELBOW_OK) return 1;
  for (;;) {
    for (int i = 0; i < DIGITS_READING_LENGTH; i++) reading[i] = sensor;
    elbow_code code = elbow_session_score(&session, reading, DIGITS_READING_LENGTH, ELBOW_SIGMA_POINTS, &score);
    lamp = code == ELBOW_OK && score.p_value < ELBOW_CERTAIN / 100;
  }
}
