void vTaskDelay(uint32_t ticks);
void app_main(void);
