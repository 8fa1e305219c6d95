/* Scores readings and prints the lines of `trainer score`. */
#include "digits.h" /* trainer export --c */
#include "elbow.h"
#include "readings.h" /* the readings of this example */

#ifndef ESTIMATOR
#define ESTIMATOR ELBOW_SIGMA_POINTS
#endif

#ifdef __cplusplus
extern "C"
#endif
int puts(const char *text); /* of the C library, or of your serial line */

static elbow_model model;
static elbow_session session;
static uint64_t workspace[DIGITS_WORKSPACE_BYTES / 8];

int main(void) {
  elbow_score score;
  char line[ELBOW_CSV_BYTES];
  elbow_code code = elbow_model_parse(&model, digits_image.bytes, DIGITS_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
  if (code == ELBOW_OK) code = elbow_session_init(&session, &model, workspace, sizeof workspace, 0);
  if (code == ELBOW_OK) puts(elbow_csv_header());
  for (uint32_t i = 0; i < READINGS && code == ELBOW_OK; i++) {
    elbow_session_reseed(&session, 0, i);
    code = elbow_session_score(&session, readings[i], DIGITS_READING_LENGTH, ESTIMATOR, &score);
    if (code == ELBOW_OK) code = elbow_score_csv(&score, i, line, sizeof line);
    if (code == ELBOW_OK) puts(line);
  }
  if (code != ELBOW_OK) puts(elbow_describe(code));
  return code != ELBOW_OK;
}
