use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// 128 random bits that never repeat: they identify a version of a table, or a writer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Token([u8; 16]);

/// Identifies a write in flight.
pub(crate) type WriterId = Token;

impl Token {
    pub(crate) const LEN: usize = 16;

    /// Reads from the operating system on every call: after a `fork`, two copies of a seeded generator
    /// would return the same tokens.
    pub(crate) fn random() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; Self::LEN];
        getrandom::fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// 32 lower-case hex digits.
    pub(crate) fn to_hex(self) -> String {
        let mut hex = String::with_capacity(Self::LEN * 2);
        for byte in self.0 {
            hex.push(digit(byte >> 4));
            hex.push(digit(byte & 15));
        }
        hex
    }

    pub(crate) fn from_hex(hex: &[u8]) -> Option<Self> {
        let hex: &[u8; Self::LEN * 2] = hex.try_into().ok()?;
        let mut values = [0; Self::LEN * 2];
        let mut valid = true;
        // Each hit parses hundreds of digits. Without branches the loop can be vectorised.
        for (value, digit) in values.iter_mut().zip(hex) {
            let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
            valid &= (number < 10) | (letter < 6);
            *value = if number < 10 {
                number
            } else {
                letter.wrapping_add(10)
            };
        }
        let mut bytes = [0; Self::LEN];
        for (byte, [high, low]) in bytes.iter_mut().zip(values.as_chunks().0) {
            *byte = (high << 4) | low;
        }
        valid.then_some(Self(bytes))
    }
}

fn digit(nibble: u8) -> char {
    char::from(if nibble < 10 {
        b'0' + nibble
    } else {
        b'a' + nibble - 10
    })
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl Serialize for Token {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_hex())
    }
}

impl<'de> Deserialize<'de> for Token {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;

        impl de::Visitor<'_> for Hex {
            type Value = Token;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 lower-case hex digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Token, E> {
                Token::from_hex(text.as_bytes())
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Other("other text"), &self))
            }
        }

        deserializer.deserialize_str(Hex)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_round_trips_as_hex() {
        let token = Token::random().unwrap();
        assert_eq!(Token::from_hex(token.to_hex().as_bytes()), Some(token));
    }

    #[test]
    fn only_32_lower_case_hex_digits_are_a_token() {
        for bad in [
            "",
            "00",
            "0123456789ABCDEF0123456789abcdef",
            "g0112233445566778899aabbccddeeff",
        ] {
            assert_eq!(Token::from_hex(bad.as_bytes()), None, "{bad}");
        }
        for byte in 0..=u8::MAX {
            let hex = [[b'0'; 31].as_slice(), &[byte]].concat();
            let is_digit = matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            assert_eq!(Token::from_hex(&hex).is_some(), is_digit, "{byte}");
        }
    }
}
