/* Scores readings in slices, with other work in between, and prints the lines of `trainer score`. */
#include "digits.h" /* trainer export --c */
#include "elbow.h"
#include "readings.h" /* the readings of this example */

#ifndef ESTIMATOR
#define ESTIMATOR ELBOW_SIGMA_POINTS
#endif
#ifndef PASSES
#define PASSES 4 /* decoder passes of a slice; multiples of 4 cost the least */
#endif

#ifdef __cplusplus
extern "C"
#endif
int puts(const char *text); /* of the C library, or of your serial line */

static elbow_model model;
static elbow_session session;
static elbow_scoring scoring;
static uint64_t workspace[DIGITS_WORKSPACE_BYTES / 8];

static void other_work(void) {} /* what must not wait for a whole score; with an RTOS, its call to yield */

static elbow_code score_in_slices(const int16_t *reading, elbow_score *score) {
  bool done = false;
  elbow_code code = elbow_score_start(&scoring, &session, reading, DIGITS_READING_LENGTH, NULL, 0, ESTIMATOR);
  while (code == ELBOW_OK && !done) {
    code = elbow_score_step(&scoring, PASSES, score, &done);
    other_work();
  }
  return code;
}

int main(void) {
  elbow_score score;
  char line[ELBOW_CSV_BYTES];
  elbow_code code = elbow_model_parse(&model, digits_image.bytes, DIGITS_IMAGE_BYTES);
  if (code == ELBOW_OK) code = elbow_session_init(&session, &model, workspace, sizeof workspace, 0);
  if (code == ELBOW_OK) puts(elbow_csv_header());
  for (uint32_t i = 0; i < READINGS && code == ELBOW_OK; i++) {
    elbow_session_reseed(&session, 0, i);
    code = score_in_slices(readings[i], &score);
    if (code == ELBOW_OK) code = elbow_score_csv(&score, i, line, sizeof line);
    if (code == ELBOW_OK) puts(line);
  }
  if (code != ELBOW_OK) puts(elbow_describe(code));
  return code != ELBOW_OK;
}
