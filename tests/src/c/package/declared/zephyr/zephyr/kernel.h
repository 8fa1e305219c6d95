struct k_timer {
  uint32_t status;
};
typedef struct {
  int64_t ticks;
} k_timeout_t;
#define K_USEC(microseconds) ((k_timeout_t){microseconds})
#define K_TIMER_DEFINE(name, expiry, stop) struct k_timer name
void k_timer_start(struct k_timer *timer, k_timeout_t duration, k_timeout_t period);
uint32_t k_timer_status_sync(struct k_timer *timer);
