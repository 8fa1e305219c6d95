/*
 * elbow: variational autoencoders that run, sample and score themselves on microcontrollers.
 *
 * Made of the sources of the crate elbow-c by `cargo xtask c --header`; do not edit.
 *
 * Parse a model, begin a session, score readings:
 *
 *     static elbow_model model;
 *     static elbow_session session;
 *     static uint64_t workspace[PUMP_WORKSPACE_BYTES / 8];
 *     elbow_score score;
 *
 *     elbow_code code = elbow_model_parse(&model, pump_image.bytes, sizeof pump_image.bytes);
 *     if (code == ELBOW_OK) code = elbow_model_self_test(&model, workspace, sizeof workspace);
 *     if (code == ELBOW_OK) code = elbow_session_init(&session, &model, workspace, sizeof workspace, 42);
 *     if (code == ELBOW_OK) code = elbow_session_score(&session, reading, n, ELBOW_SIGMA_POINTS, &score);
 *     if (code == ELBOW_OK && score.p_value < PUMP_P_1_IN_100) alarm();
 *
 * What all calls have in common:
 *
 * - They return a code; elbow_describe has a sentence on each. After an error, results mean nothing.
 * - Pointers may be NULL, misaligned or overlap: that is an error. They must lead to as much memory as the call says.
 * - Models, sessions, scores in slices, watches and adapters are memory of yours, which stays where it is. Where they live must be
 *   readable; whether it was initialized the calls find out.
 * - The image must not change while its model is used, nor the model and the workspace while a session or a watch is.
 * - A session, a watch or an adapter is for one thread at a time. Threads may share a model.
 * - There is no heap, no global state, and no call that waits or does not return, but for what callbacks do.
 * - Fixed-point numbers: nats are Q16.16 (ELBOW_NAT is 1 nat), probabilities Q1.31 (ELBOW_CERTAIN is 1).
 */

#ifndef ELBOW_H
#define ELBOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* Handles are smaller where pointers are. */
#if UINTPTR_MAX == 0xffffffffu
#define ELBOW_32_BIT
#elif UINTPTR_MAX == 0xffffffffffffffffu
#define ELBOW_64_BIT
#else
#error "elbow needs pointers of 32 or 64 bits"
#endif


#if defined(ELBOW_32_BIT)
// Words of 8 bytes in a model.
#define ELBOW_MODEL_WORDS 166
#endif

#if defined(ELBOW_64_BIT)
// Words of 8 bytes in a model.
#define ELBOW_MODEL_WORDS 274
#endif

#if defined(ELBOW_32_BIT)
// Words of 8 bytes in a session.
#define ELBOW_SESSION_WORDS 16
#endif

#if defined(ELBOW_64_BIT)
// Words of 8 bytes in a session.
#define ELBOW_SESSION_WORDS 28
#endif

#if defined(ELBOW_32_BIT)
// Words of 8 bytes in a watch.
#define ELBOW_WATCH_WORDS 35
#endif

#if defined(ELBOW_64_BIT)
// Words of 8 bytes in a watch.
#define ELBOW_WATCH_WORDS 54
#endif

#if defined(ELBOW_32_BIT)
// Words of 8 bytes in an adapter.
#define ELBOW_ADAPT_WORDS 98
#endif

#if defined(ELBOW_64_BIT)
// Words of 8 bytes in an adapter.
#define ELBOW_ADAPT_WORDS 106
#endif

#if defined(ELBOW_32_BIT)
// Words of 8 bytes in a score in slices.
#define ELBOW_SCORING_WORDS 14
#endif

#if defined(ELBOW_64_BIT)
// Words of 8 bytes in a score in slices.
#define ELBOW_SCORING_WORDS 17
#endif

// One nat in the units of bounds and divergences, Q16.16.
#define ELBOW_NAT 65536

// Certainty in the units of probabilities, Q1.31.
#define ELBOW_CERTAIN 2147483648

// In place of a standard error where there is none.
#define ELBOW_NO_STANDARD_ERROR -1

// Bytes that the text of a score may take, with its final NUL.
#define ELBOW_CSV_BYTES 192

// Statistic: the bound on log p(x).
#define ELBOW_BOUND 0

// Statistic: how well the latents explain the reading.
#define ELBOW_RECONSTRUCTION 1

// Statistic: the distance to the nearest of a few typical readings.
#define ELBOW_PROTOTYPES 2

// Statistic: how far out the numbers lie one by one.
#define ELBOW_COLUMNS 3

// Statistic: one that this header does not know.
#define ELBOW_OTHER_STATISTIC 255

// Side: the bound is surely above the threshold.
#define ELBOW_ABOVE 0

// Side: the bound is surely below the threshold.
#define ELBOW_BELOW 1

// Side: the passes were spent before it was sure.
#define ELBOW_UNSURE 2

// Nothing was learned.
#define ELBOW_FACTORY 0

// The alignment is learned.
#define ELBOW_LEARNING 1

// Scores are counted.
#define ELBOW_CALIBRATING 2

// What was learned judges.
#define ELBOW_READY 3

// Transition: there was no alarm and there is none.
#define ELBOW_QUIET 0

// Transition: the alarm begins.
#define ELBOW_RAISED 1

// Transition: the alarm goes on.
#define ELBOW_ALARM 2

// Transition: the alarm ends.
#define ELBOW_CLEARED 3

// The number of an error; ELBOW_OK for none. Numbers keep their meaning in later versions.
typedef uint16_t elbow_code;

// A model: elbow_model_parse makes one. Its memory is yours, and stays where it is while anything uses the model. Many
// sessions may share a model.
typedef struct elbow_model {
  uint64_t opaque[ELBOW_MODEL_WORDS];
} elbow_model;

// What an adapter takes.
typedef struct elbow_adapt_needs {
  // Bytes of RAM beside the adapter itself.
  size_t ram_bytes;
  // Bytes of memory for its state.
  size_t memory_bytes;
} elbow_adapt_needs;

// What a model has learned where it is installed: elbow_adapt_init makes one. Its memory is yours, and stays where it is. An adapter
// is for one thread at a time. Archives without the feature `adapt` have none of its calls.
typedef struct elbow_adapt {
  uint64_t opaque[ELBOW_ADAPT_WORDS];
} elbow_adapt;

// How a bound is estimated: ELBOW_POSTERIOR_MEAN, ELBOW_SIGMA_POINTS, ELBOW_MONTE_CARLO + K,
// ELBOW_IMPORTANCE_WEIGHTED + K with K from 1 to 65535 passes, or ELBOW_ENUMERATION.
typedef uint32_t elbow_estimator;

// Settings of an adapter.
typedef struct elbow_adapt_settings {
  // The estimator of all scores.
  elbow_estimator estimator;
  // Readings that channels are aligned by, such as 200.
  uint32_t learn;
  // Readings behind them whose scores are counted, such as 200: n serve false-alarm rates from 1 in n + 1 on.
  uint32_t calibrate;
  // Scores lower than this many deviations below the mean of the factory are not counted, Q16.16; UINT32_MAX counts all.
  uint32_t trust;
} elbow_adapt_settings;

// A session with a model: elbow_session_init makes one. Its memory is yours, and stays where it is. A session is for one
// thread at a time.
typedef struct elbow_session {
  uint64_t opaque[ELBOW_SESSION_WORDS];
} elbow_session;

// What a model says about a reading. Nats are Q16.16, 65536 to a nat; the p-value is Q1.31, 2147483648 for certainty.
typedef struct elbow_score {
  // The bound on log p(x), in nats: the higher, the more ordinary the reading.
  int32_t elbo;
  // The estimate of E[log p(x|z)], in nats.
  int32_t reconstruction;
  // The divergence of the posterior from the prior, in nats.
  int32_t kl;
  // The standard error of the bound, in nats, or ELBOW_NO_STANDARD_ERROR.
  int32_t standard_error;
  // The chance that a normal reading is judged to be as strange.
  uint32_t p_value;
  // -ln p in nats, which goes on where the p-value has no more bits; 0 where `statistics` is left out.
  int32_t surprise;
  // Decoder passes that it took.
  uint16_t passes;
  // The statistic that the p-value is owed to, such as ELBOW_BOUND.
  uint8_t statistic;
} elbow_score;

// What an adapter makes of a reading.
typedef struct elbow_adapted {
  // The score of the aligned reading. Its p-value is the factory's.
  struct elbow_score score;
  // The p-value on this machine, Q1.31.
  uint32_t p_value;
  // -ln of it in nats, Q16.16, which goes on where counting ends.
  int32_t surprise;
  // The running mean of scores against the factory's, in standard errors, Q16.16; 0 without a calibration.
  int32_t drift_z;
  // Readings that the stage after this reading has taken in, and how many it takes until the next; 0 where none follows.
  uint32_t done;
  // See done.
  uint32_t of;
  // The stage after this reading: ELBOW_FACTORY, ELBOW_LEARNING, ELBOW_CALIBRATING or ELBOW_READY.
  uint8_t stage;
  // Whether the scores have drifted from the factory's.
  bool drifted;
} elbow_adapted;

// A memory that outlives power, for the state of an adapter. Both functions return 0 when they have done it, and call nothing of
// this header with the same adapter.
typedef struct elbow_memory {
  // Passed to both functions.
  void *context;
  // Bytes of the memory: at least elbow_adapt_needs.memory_bytes.
  uint32_t bytes;
  // Bytes of a page that is erased at once; 1 where nothing has to be erased.
  uint32_t page_bytes;
  // Bytes that are written at once, a power of two up to 32.
  uint32_t unit_bytes;
  // Reads length bytes from place at on, into bytes.
  int32_t (*read)(void *context, uint32_t at, void *bytes, uint32_t length);
  // Writes length bytes from place at on, whole units; where bytes is NULL it sets them to 0xff instead, whole pages.
  int32_t (*write)(void *context, uint32_t at, const void *bytes, uint32_t length);
} elbow_memory;

// What a model needs, and what it takes in.
typedef struct elbow_needs {
  // Bytes of the image.
  size_t image_bytes;
  // RAM of a session in bytes, a multiple of 8.
  size_t workspace_bytes;
  // RAM of a watch in bytes, a multiple of 8; 0 for a model of whole readings.
  size_t watch_bytes;
  // Numbers in a reading: inputs, then conditions.
  size_t reading_length;
  // Numbers of a reading that are scored.
  size_t inputs;
  // Numbers of a reading under which the others are scored.
  size_t conditions;
  // Numbers in a latent vector.
  size_t latents;
  // Fraction bits of latents.
  uint32_t latent_fraction_bits;
  // Columns of the data: the numbers of a reading, or the channels of a stream.
  size_t columns;
} elbow_needs;

// A column of the data. A raw integer stands for (raw + offset) * 2^exponent in its unit. Name and unit lie in the image,
// are UTF-8 and have no final NUL.
typedef struct elbow_column {
  // The first byte of the name.
  const char *name;
  // Bytes of the name.
  size_t name_bytes;
  // The first byte of the unit.
  const char *unit;
  // Bytes of the unit.
  size_t unit_bytes;
  // Added to a raw integer.
  int64_t offset;
  // The power of two that is multiplied then.
  int8_t exponent;
} elbow_column;

// A score in slices: elbow_score_start makes one. Its memory is yours, and stays where it is until the score is done.
typedef struct elbow_scoring {
  uint64_t opaque[ELBOW_SCORING_WORDS];
} elbow_scoring;

// What is to be decided.
typedef struct elbow_question {
  // The bound that divides, in nats, Q16.16.
  int32_t threshold;
  // The wanted chance to be right, Q1.31: at most ELBOW_CERTAIN.
  uint32_t confidence;
  // Decoder passes that may be spent; at least one.
  uint16_t max_passes;
} elbow_question;

// On which side of a threshold a reading lies.
typedef struct elbow_decision {
  // The estimate of the bound that decided, in nats, Q16.16.
  int32_t bound;
  // Decoder passes that it took.
  uint16_t passes;
  // ELBOW_ABOVE, ELBOW_BELOW or ELBOW_UNSURE.
  uint8_t side;
} elbow_decision;

// A raw integer.
typedef struct elbow_raw {
  // The integer nearest to the value.
  int16_t value;
  // Whether the value lay beyond 16 bits.
  bool saturated;
} elbow_raw;

// A watch of a stream: elbow_watch_init makes one. Its memory is yours, and stays where it is. A watch is for one thread
// at a time.
typedef struct elbow_watch {
  uint64_t opaque[ELBOW_WATCH_WORDS];
} elbow_watch;

// Settings of a watch.
typedef struct elbow_watch_settings {
  // The estimator of the scores of windows.
  elbow_estimator estimator;
  // The false-alarm rate of a window that raises the alarm, Q1.31; 0 for 1 in 100.
  uint32_t enter;
  // The larger rate that ends it, Q1.31; 0 for 1 in 10.
  uint32_t leave;
  // Scores are smoothed over 2^this windows, 0 to 16.
  uint8_t time_constant;
} elbow_watch_settings;

// The results of a window of a stream.
typedef struct elbow_event {
  // The score of the window.
  struct elbow_score score;
  // The number of the window, from 0.
  uint32_t window;
  // The number of its last sample, from 0.
  uint32_t sample;
  // The smoothed score, in nats, Q16.16.
  int32_t smoothed;
  // The running mean of scores against the calibration, in standard errors, Q16.16.
  int32_t drift_z;
  // The running deviation of scores over the calibration's, Q16.16.
  uint32_t drift_ratio;
  // The nats that the channel to blame lacks, Q16.16; 0 without an alarm.
  int32_t shortfall;
  // The channel to blame; 0 without an alarm.
  uint16_t channel;
  // ELBOW_QUIET, ELBOW_RAISED, ELBOW_ALARM or ELBOW_CLEARED.
  uint8_t transition;
  // Whether the scores have drifted.
  bool drifted;
} elbow_event;

// No error.
#define ELBOW_OK 0

// The bytes do not start with ELBW.
#define ELBOW_E_IMAGE_NOT_AN_IMAGE 100

// The image does not start at a multiple of 8 bytes.
#define ELBOW_E_IMAGE_MISALIGNED 101

// The image is longer than the memory that holds it.
#define ELBOW_E_IMAGE_TRUNCATED 102

// The image has another version of the format.
#define ELBOW_E_IMAGE_FORMAT_VERSION 103

// The image was made for another version of the arithmetic.
#define ELBOW_E_IMAGE_NUMERICS_VERSION 104

// The image is damaged.
#define ELBOW_E_IMAGE_CHECKSUM 105

// The image needs a feature that this build leaves out.
#define ELBOW_E_IMAGE_LEFT_OUT 106

// The header is longer than the image.
#define ELBOW_E_DEFECT_HEADER_BEYOND 120

// The header does not decode.
#define ELBOW_E_DEFECT_HEADER 121

// Bytes follow the last field of the header.
#define ELBOW_E_DEFECT_HEADER_TAIL 122

// The number of inputs is out of range.
#define ELBOW_E_DEFECT_INPUTS 123

// The number of conditions is out of range.
#define ELBOW_E_DEFECT_CONDITIONS 124

// The ceiling of inputs is out of range.
#define ELBOW_E_DEFECT_INPUT_CEILING 125

// The number of the prior's components is out of range.
#define ELBOW_E_DEFECT_COMPONENTS 126

// The number of latents is out of range.
#define ELBOW_E_DEFECT_LATENTS 127

// The fraction bits of latents are out of range.
#define ELBOW_E_DEFECT_LATENT_FRACTION_BITS 128

// A number of the posterior is out of range.
#define ELBOW_E_DEFECT_POSTERIOR 129

// A deviation of the noise of single passes is negative.
#define ELBOW_E_DEFECT_NOISE 130

// The front end makes readings of another length.
#define ELBOW_E_DEFECT_FRONT_END_LENGTH 131

// The hop of windows is out of range.
#define ELBOW_E_DEFECT_HOP 132

// A tensor lies beyond the end of the image.
#define ELBOW_E_DEFECT_TENSORS_BEYOND 133

// Bytes follow the last tensor.
#define ELBOW_E_DEFECT_TAIL 134

// A multiplier is out of range.
#define ELBOW_E_DEFECT_MULTIPLIER 135

// A number of the prior is out of range.
#define ELBOW_E_DEFECT_PRIOR 136

// The binomial likelihood has no trials, or a wrong table.
#define ELBOW_E_DEFECT_BINOMIAL 137

// An input has an unknown kind, or a parameter of its kind is out of range.
#define ELBOW_E_DEFECT_KINDS 138

// A constant of the density is too large.
#define ELBOW_E_DEFECT_LOG_NORMALIZER 139

// The layers of a network do not end with the only one of wide outputs.
#define ELBOW_E_DEFECT_LAYER_ORDER 140

// The last layer of a network has a wrong number of outputs.
#define ELBOW_E_DEFECT_OUTPUTS 141

// A layer has no outputs.
#define ELBOW_E_DEFECT_NO_OUTPUTS 142

// A layer has too many weights.
#define ELBOW_E_DEFECT_WEIGHTS 143

// An accumulator could overflow.
#define ELBOW_E_DEFECT_ACCUMULATOR 144

// A zero point is beyond its layer's ceiling.
#define ELBOW_E_DEFECT_ZERO_POINT 145

// A calibration table does not ascend, or has a negative deviation.
#define ELBOW_E_DEFECT_CALIBRATION 146

// The reading of the self-test is impossible under the likelihood.
#define ELBOW_E_DEFECT_SELF_TEST_READING 147

// The statistics are out of order, or a number of one is.
#define ELBOW_E_DEFECT_STATISTICS 148

// The workspace is too small for the model.
#define ELBOW_E_WORKSPACE 200

// A layer gives other outputs here than on the workstation.
#define ELBOW_E_SELF_TEST_LAYER 210

// A score differs from the workstation's.
#define ELBOW_E_SELF_TEST_SCORE 211

// The reading has not as many numbers as the model has inputs.
#define ELBOW_E_READING_LENGTH 220

// The likelihood gives an input no probability.
#define ELBOW_E_READING_OUTSIDE_SUPPORT 221

// The estimator has 0 samples, or no passes over such latents.
#define ELBOW_E_READING_NO_PASSES 222

// The estimator needs a feature that this build leaves out.
#define ELBOW_E_READING_LEFT_OUT 223

// The mask has a wrong number of bytes.
#define ELBOW_E_MASK_LENGTH 230

// The mask observes no input.
#define ELBOW_E_MASK_NOTHING_OBSERVED 231

// A buffer has the wrong length.
#define ELBOW_E_LENGTH 240

// The calibration tells no false-alarm rate as rare as this one.
#define ELBOW_E_THRESHOLD 250

// A name is no estimator's.
#define ELBOW_E_UNKNOWN_ESTIMATOR 260

// The time constant is out of range.
#define ELBOW_E_MONITOR_TIME_CONSTANT 300

// The alarm would end below the score that raises it.
#define ELBOW_E_MONITOR_HYSTERESIS 301

// The floor of scores is above the score that raises the alarm.
#define ELBOW_E_MONITOR_FLOOR 302

// The reference deviation is not positive.
#define ELBOW_E_MONITOR_DEVIATION 303

// Scores would be clipped to 0 standard deviations.
#define ELBOW_E_MONITOR_CLIP 304

// The lower limit of the ratio exceeds the upper one.
#define ELBOW_E_MONITOR_RATIO 305

// The exponent of a power martingale is out of range.
#define ELBOW_E_MONITOR_EPSILON 306

// The log martingale that raises the alarm is not positive.
#define ELBOW_E_MONITOR_EVIDENCE 307

// Surprises are kept from ever raising the martingale.
#define ELBOW_E_MONITOR_CEILING 308

// The model takes whole readings, not a stream.
#define ELBOW_E_WATCH_NO_STREAM 320

// The image has no calibration.
#define ELBOW_E_WATCH_NO_CALIBRATION 321

// The bytes are no reference of channels, or damaged.
#define ELBOW_E_ADAPT_REFERENCE 340

// The reference is of another image.
#define ELBOW_E_ADAPT_IDENTITY 341

// The reference has another number of channels than a reading has numbers.
#define ELBOW_E_ADAPT_CHANNELS 342

// The session counts no readings.
#define ELBOW_E_ADAPT_CALIBRATE 343

// The session is one of another model.
#define ELBOW_E_ADAPT_SESSION 344

// Half of the memory is too small for the state.
#define ELBOW_E_MEDIUM_SMALL 350

// The memory is written in units that are too large.
#define ELBOW_E_MEDIUM_UNIT 351

// Windows have no channels.
#define ELBOW_E_WINDOWS_NO_CHANNELS 400

// Windows have no samples.
#define ELBOW_E_WINDOWS_NO_SAMPLES 401

// The hop is 0.
#define ELBOW_E_WINDOWS_NO_HOP 402

// The hop is longer than a window.
#define ELBOW_E_WINDOWS_HOP 403

// The storage is smaller than a window.
#define ELBOW_E_WINDOWS_CAPACITY 404

// A sample has not one number for each channel.
#define ELBOW_E_WINDOWS_CHANNELS 405

// The front end has no channels.
#define ELBOW_E_FRONT_END_NO_CHANNELS 420

// The number of samples is out of range.
#define ELBOW_E_FRONT_END_SAMPLES 421

// The number of features is out of range.
#define ELBOW_E_FRONT_END_FEATURES 422

// A feature has too many fraction bits.
#define ELBOW_E_FRONT_END_FRACTION_BITS 423

// A window of this length has no spectrum.
#define ELBOW_E_FRONT_END_SPECTRUM 424

// The number of bands is out of range.
#define ELBOW_E_FRONT_END_BANDS 425

// The buffer is smaller than the packet.
#define ELBOW_E_TELEMETRY_BUFFER 500

// A slice has a wrong number of latents.
#define ELBOW_E_TELEMETRY_LATENTS 501

// The bytes end before the packet does.
#define ELBOW_E_TELEMETRY_TRUNCATED 502

// The number of latents in the packet is no number.
#define ELBOW_E_TELEMETRY_MALFORMED 503

// The latents of the packet have too many fraction bits.
#define ELBOW_E_TELEMETRY_FRACTION_BITS 504

// A pointer is null that must not be.
#define ELBOW_E_NULL 700

// A pointer is not aligned as its type is.
#define ELBOW_E_MISALIGNED 701

// An array ends beyond the address space.
#define ELBOW_E_TOO_LONG 702

// Memory that the call writes overlaps other memory that the call uses.
#define ELBOW_E_OVERLAP 703

// A handle was not initialized, was moved, or its model was parsed anew.
#define ELBOW_E_NOT_READY 704

// A number is out of its range.
#define ELBOW_E_RANGE 705

// Another call has used the session before the score in slices was done.
#define ELBOW_E_INTERRUPTED 706

// A callback that reads or writes the memory of a state has not returned 0.
#define ELBOW_E_MEMORY 707

// One pass at the posterior mean: fast, and biased upward.
#define ELBOW_POSTERIOR_MEAN 16777216

// Two passes for each latent, at fixed points: the usual choice, which latents that are bits have not.
#define ELBOW_SIGMA_POINTS 33554432

// Plus K, from 1 to 65535: K passes at random draws, with a standard error.
#define ELBOW_MONTE_CARLO 50331648

// Plus K, from 1 to 65535: the tighter bound of K importance-weighted draws.
#define ELBOW_IMPORTANCE_WEIGHTED 67108864

// A pass for each code of up to 12 latents that are bits: the bound itself.
#define ELBOW_ENUMERATION 83886080

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Says into *needs what an adapter of this model takes: bytes of RAM, and bytes of a memory that holds its state with a journal of
// 16 scores, before they are rounded up to two times whole pages.
elbow_code elbow_adapt_needs_of(const struct elbow_model *model,
                                struct elbow_adapt_needs *needs);

// Makes an adapter of a parsed model that has learned nothing, in ram_bytes of your RAM at a multiple of 8, which belong to it as
// long as it is used. The reference is a file of `trainer adapt --reference`, which neither changes nor goes away meanwhile; NULL with
// 0 bytes for none: then it calibrates alone.
//
// Returns ELBOW_OK, ELBOW_E_ADAPT_REFERENCE, ELBOW_E_ADAPT_IDENTITY or ELBOW_E_ADAPT_CHANNELS for a reference that is none or of another
// image, ELBOW_E_ADAPT_CALIBRATE for 0 readings to count, ELBOW_E_WORKSPACE where elbow_adapt_needs.ram_bytes is more than ram_bytes.
elbow_code elbow_adapt_init(struct elbow_adapt *adapt,
                            const struct elbow_model *model,
                            void *ram,
                            size_t ram_bytes,
                            const void *reference,
                            size_t reference_bytes,
                            const struct elbow_adapt_settings *settings);

// Opens a session: the next readings are declared normal, until the stage is ELBOW_READY. What was learned before is forgotten.
elbow_code elbow_adapt_commission(struct elbow_adapt *adapt);

// Ends the session early: with the scores that were counted, if there are any, else as elbow_adapt_forget.
elbow_code elbow_adapt_close(struct elbow_adapt *adapt);

// Returns to the factory, bit for bit.
elbow_code elbow_adapt_forget(struct elbow_adapt *adapt);

// Judges a raw reading, by a session of the same model, into *adapted, and takes it in where the adapter's session is open. observed
// may be NULL with 0 bytes: then all was observed.
//
// Returns as elbow_session_score_observed, or ELBOW_E_ADAPT_SESSION for a session of another model.
elbow_code elbow_adapt_score(struct elbow_adapt *adapt,
                             struct elbow_session *session,
                             const int16_t *reading,
                             size_t reading_length,
                             const uint8_t *observed,
                             size_t observed_bytes,
                             struct elbow_adapted *adapted);

// Says into *threshold the score below which a normal reading of this machine lies with a chance of at most rate, Q1.31: nats, Q16.16.
//
// Returns ELBOW_OK, ELBOW_E_RANGE for a rate above 1, or ELBOW_E_NOT_READY before enough scores were counted for it.
elbow_code elbow_adapt_threshold(struct elbow_adapt *adapt,
                                 uint32_t rate,
                                 int32_t *threshold);

// Takes over the newest state in a memory; *found says whether there was one. Where there is none the adapter returns to the factory.
//
// Returns ELBOW_OK, ELBOW_E_MEMORY where a callback does not return 0, ELBOW_E_MEDIUM_SMALL or ELBOW_E_MEDIUM_UNIT.
elbow_code elbow_adapt_load(struct elbow_adapt *adapt,
                            const struct elbow_memory *memory,
                            bool *found);

// Writes the state beside the newest one in a memory. Power may fail at any write: elbow_adapt_load then finds the old state or
// the new one.
//
// Returns as elbow_adapt_load.
elbow_code elbow_adapt_save(struct elbow_adapt *adapt,
                            const struct elbow_memory *memory);

// Stores what the last reading has changed, as little as it can: to be called after each elbow_adapt_score while the session is open.
//
// Returns as elbow_adapt_load.
elbow_code elbow_adapt_keep(struct elbow_adapt *adapt,
                            const struct elbow_memory *memory);

// Parses a model image and checks all of it once. The image starts at a multiple of 8 bytes, may be shorter than
// image_bytes, and must neither change nor go away while the model is used: the weights stay where they are.
//
// Returns ELBOW_OK, or what is wrong with the image; ELBOW_E_IMAGE_LEFT_OUT where elbow_model_missing_feature has the
// name of what this archive lacks.
elbow_code elbow_model_parse(struct elbow_model *model,
                             const void *image,
                             size_t image_bytes);

// The feature for whose lack elbow_model_parse refused the image with ELBOW_E_IMAGE_LEFT_OUT, such as "heterogeneous":
// build the archive with it. NULL where it was not refused for that.
const char *elbow_model_missing_feature(const struct elbow_model *model);

// The index-th feature that an archive needs for this model, from 0; NULL beyond the last one. A core for which the
// weights were not packed needs "foreign-packings" too.
const char *elbow_model_feature(const struct elbow_model *model,
                                size_t index);

// What a model needs and takes in, into *needs.
elbow_code elbow_model_needs(const struct elbow_model *model, struct elbow_needs *needs);

// Computes the score that the image carries and compares it with the workstation's, bit for bit. Worth a call at every
// boot. The workspace is free again afterwards.
//
// Returns ELBOW_OK, ELBOW_E_SELF_TEST_LAYER or ELBOW_E_SELF_TEST_SCORE where this machine computes something else,
// ELBOW_E_WORKSPACE where elbow_needs.workspace_bytes is more than workspace_bytes.
elbow_code elbow_model_self_test(const struct elbow_model *model,
                                 void *workspace,
                                 size_t workspace_bytes);

// The bound below which normal readings score with a chance of at most rate (Q1.31), in nats (Q16.16), into *bound.
//
// Returns ELBOW_OK, ELBOW_E_WATCH_NO_CALIBRATION where the image has none, ELBOW_E_THRESHOLD where it tells no rate as rare.
elbow_code elbow_model_threshold(const struct elbow_model *model,
                                 elbow_estimator with,
                                 uint32_t rate,
                                 int32_t *bound);

// Column index of the data, from 0, into *column: what raw integers stand for.
//
// Returns ELBOW_OK, or ELBOW_E_RANGE beyond the last column.
elbow_code elbow_model_column(const struct elbow_model *model, size_t index, struct elbow_column *column);

// Begins a score in slices: that of elbow_session_score_observed, bit for bit. The reading is checked and nothing is computed
// yet. observed may be NULL with 0 bytes: then all was observed. Reading and mask stay as they are, and no other call uses the
// session, until elbow_score_step says that the score is done. It need not be: any other call ends it.
//
// Returns as elbow_session_score_observed.
elbow_code elbow_score_start(struct elbow_scoring *scoring,
                             struct elbow_session *session,
                             const int16_t *reading,
                             size_t reading_length,
                             const uint8_t *observed,
                             size_t observed_bytes,
                             elbow_estimator with);

// Computes the next slice of a score: first the encoder, then passes decoder passes at a time (0 counts as 1), last the
// verdict. With the last slice the score goes into *score and *done becomes true; before that *done becomes false. Multiples of 4
// passes cost the least, since up to four are taken together. Once done, it stays done.
//
// Returns ELBOW_OK, ELBOW_E_NOT_READY where no score was begun in scoring, ELBOW_E_INTERRUPTED where another call has used the
// session since.
elbow_code elbow_score_step(struct elbow_scoring *scoring,
                            uint16_t passes,
                            struct elbow_score *score,
                            bool *done);

// Begins a session with a parsed model in workspace_bytes of your RAM at a multiple of 8, which belong to the session as
// long as it is used. Random draws come from stream 0 of seed.
//
// Returns ELBOW_OK, or ELBOW_E_WORKSPACE where elbow_needs.workspace_bytes is more than workspace_bytes.
elbow_code elbow_session_init(struct elbow_session *session,
                              const struct elbow_model *model,
                              void *workspace,
                              size_t workspace_bytes,
                              uint64_t seed);

// Draws from the start of this stream of seed from now on. With a stream for each reading, a score does not depend on
// the readings before it.
elbow_code elbow_session_reseed(struct elbow_session *session,
                                uint64_t seed,
                                uint64_t stream);

// Scores a raw reading of reading_length numbers, into *score.
//
// Returns ELBOW_OK, ELBOW_E_READING_LENGTH, ELBOW_E_READING_OUTSIDE_SUPPORT for counts that cannot occur,
// ELBOW_E_UNKNOWN_ESTIMATOR.
elbow_code elbow_session_score(struct elbow_session *session,
                               const int16_t *reading,
                               size_t reading_length,
                               elbow_estimator with,
                               struct elbow_score *score);

// Scores the observed inputs of a raw reading, into *score. Bit i % 8 of byte i / 8 of observed is 1 where input i was observed;
// what stands elsewhere does not matter.
//
// Returns as elbow_session_score, ELBOW_E_MASK_LENGTH, or ELBOW_E_MASK_NOTHING_OBSERVED.
elbow_code elbow_session_score_observed(struct elbow_session *session,
                                        const int16_t *reading,
                                        size_t reading_length,
                                        const uint8_t *observed,
                                        size_t observed_bytes,
                                        elbow_estimator with,
                                        struct elbow_score *score);

// Scores as elbow_session_score_observed, and says what the score is made of: the part of each input in the reconstruction
// into inputs (as many as elbow_needs.inputs) and that of each latent in the divergence into latents (elbow_needs.latents),
// in nats, 65536 to a nat. observed may be NULL with 0 bytes: then all was observed.
//
// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH for an array of another length.
elbow_code elbow_session_explain(struct elbow_session *session,
                                 const int16_t *reading,
                                 size_t reading_length,
                                 const uint8_t *observed,
                                 size_t observed_bytes,
                                 elbow_estimator with,
                                 int64_t *inputs,
                                 size_t inputs_length,
                                 int32_t *latents,
                                 size_t latents_length,
                                 struct elbow_score *score);

// Finds out on which side of a threshold the bound of a raw reading lies, at as few passes as suffice, into *decision.
//
// Returns ELBOW_OK, ELBOW_E_READING_LENGTH, ELBOW_E_READING_OUTSIDE_SUPPORT, ELBOW_E_READING_NO_PASSES, or ELBOW_E_RANGE for
// a confidence above ELBOW_CERTAIN.
elbow_code elbow_session_decide(struct elbow_session *session,
                                const int16_t *reading,
                                size_t reading_length,
                                const struct elbow_question *question,
                                struct elbow_decision *decision);

// Encodes the observed inputs of a raw reading: the mean and the log-variance of each latent, Q16.16, into arrays of latents
// numbers each. observed may be NULL with 0 bytes: then all was observed.
//
// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH where latents is not elbow_needs.latents.
elbow_code elbow_session_encode(struct elbow_session *session,
                                const int16_t *reading,
                                size_t reading_length,
                                const uint8_t *observed,
                                size_t observed_bytes,
                                int32_t *means,
                                int32_t *log_variances,
                                size_t latents);

// Draws latents from the posterior of the last reading that was encoded or scored, with elbow_needs.latent_fraction_bits.
//
// Returns ELBOW_OK, or ELBOW_E_LENGTH where latents_length is not elbow_needs.latents.
elbow_code elbow_session_sample(struct elbow_session *session,
                                int16_t *latents,
                                size_t latents_length);

// Sets the conditions under which elbow_session_decode and elbow_session_generate decode: raw numbers, as behind the inputs
// of a reading.
//
// Returns ELBOW_OK, or ELBOW_E_LENGTH where there are not elbow_needs.conditions of them.
elbow_code elbow_session_condition(struct elbow_session *session,
                                   const int16_t *conditions,
                                   size_t conditions_length);

// Decodes latents, which have elbow_needs.latent_fraction_bits: the mean of each input, in raw units, Q16.16, into mean.
//
// Returns ELBOW_OK, or ELBOW_E_LENGTH where an array has not the length that elbow_needs says.
elbow_code elbow_session_decode(struct elbow_session *session,
                                const int16_t *latents,
                                size_t latents_length,
                                int32_t *mean,
                                size_t mean_length);

// Draws a reading from the prior: the mean of each input given random latents, in raw units, Q16.16, into mean.
//
// Returns ELBOW_OK, or ELBOW_E_LENGTH where mean_length is not elbow_needs.inputs.
elbow_code elbow_session_generate(struct elbow_session *session,
                                  int32_t *mean,
                                  size_t mean_length);

// Fills the gaps of a raw reading in, in raw units, Q16.16, into filled: the expected value where nothing was observed, the
// reading itself elsewhere.
//
// Returns as elbow_session_score_observed, or ELBOW_E_LENGTH where filled_length is not elbow_needs.inputs.
elbow_code elbow_session_impute(struct elbow_session *session,
                                const int16_t *reading,
                                size_t reading_length,
                                const uint8_t *observed,
                                size_t observed_bytes,
                                int32_t *filled,
                                size_t filled_length);

// The sentence on a code, in English; never NULL.
const char *elbow_describe(elbow_code code);

// The columns of elbow_score_csv.
const char *elbow_csv_header(void);

// Writes a score into text as one line of comma-separated values, the very line of `trainer score`, without a line break and
// with a final NUL. reading is the number of the reading. ELBOW_CSV_BYTES are enough.
//
// Returns ELBOW_OK, ELBOW_E_LENGTH where text_bytes are too few, or ELBOW_E_RANGE for a score that none of these functions gave.
elbow_code elbow_score_csv(const struct elbow_score *score,
                           uint32_t reading,
                           char *text,
                           size_t text_bytes);

// The raw integer of a value in the unit of a column, rounded to nearest: value / 2^exponent - offset. What lies beyond 16
// bits, and what is no number, counts as saturated.
struct elbow_raw elbow_raw_reading(double value,
                                   int8_t exponent,
                                   int64_t offset);

// As elbow_raw_reading for a value that is a whole number, such as the count of a converter, without a float.
struct elbow_raw elbow_raw_count(int32_t count, int8_t exponent, int64_t offset);

// The value that a raw number stands for, in the unit of a column: (raw + offset) * 2^exponent. raw may have a fraction, as
// a mean has.
double elbow_value(double raw,
                   int8_t exponent,
                   int64_t offset);

// Begins to watch a stream with a parsed model of windows, in workspace_bytes of your RAM at a multiple of 8, which belong to
// the watch as long as it is used.
//
// Returns ELBOW_OK, ELBOW_E_WATCH_NO_STREAM for a model of whole readings, ELBOW_E_WATCH_NO_CALIBRATION, ELBOW_E_THRESHOLD for a
// rate that the calibration cannot tell, ELBOW_E_WORKSPACE where elbow_needs.watch_bytes is more than workspace_bytes.
elbow_code elbow_watch_init(struct elbow_watch *watch,
                            const struct elbow_model *model,
                            void *workspace,
                            size_t workspace_bytes,
                            const struct elbow_watch_settings *settings,
                            uint64_t seed);

// Takes one raw sample of each channel in. Where it completes a window, its results go into *event and *has_event becomes
// true; else *has_event becomes false.
//
// Returns ELBOW_OK, ELBOW_E_WINDOWS_CHANNELS for a sample of another width, or an error of the reading: the window is then lost.
elbow_code elbow_watch_push(struct elbow_watch *watch,
                            const int16_t *sample,
                            size_t sample_length,
                            struct elbow_event *event,
                            bool *has_event);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ELBOW_H */
