/* What the sketches call: Arduino, "Language reference". */
#include <stddef.h>
#include <stdint.h>
struct Port {
  void begin(unsigned long rate);
  void setTimeout(unsigned long milliseconds);
  int available();
  float parseFloat();
  size_t print(const char *text);
  size_t print(unsigned int number);
  size_t print(unsigned long number);
  size_t print(double number, int digits = 2);
  size_t println(const char *text);
  size_t println(double number, int digits = 2);
};
extern Port Serial;
enum { A0, A1, A2, LED_BUILTIN, OUTPUT, LOW, HIGH };
int analogRead(uint8_t pin);
void digitalWrite(uint8_t pin, uint8_t level);
void pinMode(uint8_t pin, uint8_t mode);
void delay(unsigned long milliseconds);
unsigned long micros();
