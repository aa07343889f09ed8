//! PostgreSQL's `numeric` in binary: groups of four decimal digits. No digit is ever lost.

/// What the binary form says.
struct Numeric<'a> {
    /// Power of 10,000 of the first group.
    weight: i32,
    sign: u16,
    /// Digits after the point, as declared or computed.
    scale: usize,
    groups: &'a [u8],
}

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xC000;
const INFINITY: u16 = 0xD000;
const MINUS_INFINITY: u16 = 0xF000;

fn read(raw: &[u8]) -> Option<Numeric<'_>> {
    let word = |at: usize| Some(u16::from_be_bytes([*raw.get(at)?, *raw.get(at + 1)?]));
    let count = usize::from(word(0)?);
    let groups = raw.get(8..)?;
    (groups.len() == count * 2).then_some(Numeric {
        // Two's complement.
        weight: i32::from(word(2)?.cast_signed()),
        sign: word(4)?,
        scale: usize::from(word(6)?),
        groups,
    })
}

impl Numeric<'_> {
    /// The group worth 10,000 to the power of `power`.
    fn group(&self, power: i32) -> u16 {
        usize::try_from(self.weight - power)
            .ok()
            .and_then(|at| {
                let high = *self.groups.get(at * 2)?;
                let low = *self.groups.get(at * 2 + 1)?;
                Some(u16::from_be_bytes([high, low]))
            })
            .unwrap_or(0)
    }
}

/// Precision and scale of a declared `numeric(p, s)`, as far as Arrow's 128 bits can hold it.
pub(super) fn declared(modifier: i32) -> Option<(u8, i8)> {
    let packed = modifier.checked_sub(4).filter(|packed| *packed >= 0)?;
    let precision = u8::try_from((packed >> 16) & 0xffff)
        .ok()
        .filter(|p| (1..=38).contains(p))?;
    // Eleven bits with a sign: PostgreSQL 15 knows negative scales.
    let scale = ((packed & 0x7ff) ^ 1024) - 1024;
    let scale = i8::try_from(scale)
        .ok()
        .filter(|s| *s >= 0 && s.unsigned_abs() <= precision)?;
    Some((precision, scale))
}

/// Exactly as PostgreSQL writes it, appended to `text`; None, and nothing of use appended, for broken bytes.
pub(super) fn write(raw: &[u8], text: &mut String) -> Option<()> {
    let number = read(raw)?;
    let before = match number.sign {
        0 => "",
        NEGATIVE => "-",
        NAN => "NaN",
        INFINITY => "Infinity",
        MINUS_INFINITY => "-Infinity",
        _ => return None,
    };
    text.push_str(before);
    if !matches!(number.sign, 0 | NEGATIVE) {
        return Some(());
    }
    let digits = |group: u16| [1000, 100, 10, 1].map(|place| char::from(b'0' + (group / place % 10) as u8));
    if number.weight < 0 {
        text.push('0');
    } else {
        let first = digits(number.group(number.weight));
        let leading = first.iter().take(3).take_while(|digit| **digit == '0').count();
        text.extend(&first[leading..]);
        for power in (0..number.weight).rev() {
            text.extend(digits(number.group(power)));
        }
    }
    if number.scale > 0 {
        text.push('.');
        let fraction = (1..).flat_map(|power: i32| digits(number.group(-power)));
        text.extend(fraction.take(number.scale));
    }
    Some(())
}

/// As an integer of 10 to the power of -`scale`; None for NaN, infinities and whatever does not fit.
pub(super) fn scaled(raw: &[u8], scale: i8) -> Option<i128> {
    let number = read(raw)?;
    let scale = i32::from(scale);
    if !matches!(number.sign, 0 | NEGATIVE) || i32::try_from(number.scale).ok()? != scale {
        return None;
    }
    let mut value = 0_i128;
    for (at, group) in number.groups.chunks_exact(2).enumerate() {
        let group = i128::from(u16::from_be_bytes([group[0], group[1]]));
        // The power of ten of the group's last digit, once everything is moved left by the scale.
        let power = (number.weight - i32::try_from(at).ok()?) * 4 + scale;
        let part = match u32::try_from(power) {
            Ok(power) if group != 0 => group.checked_mul(10_i128.checked_pow(power)?)?,
            Ok(_) => 0,
            // What is moved out are zeros behind the last digit.
            Err(_) => {
                let zeros = 10_i128
                    .checked_pow(power.unsigned_abs())
                    .filter(|zeros| group % zeros == 0);
                group / zeros?
            }
        };
        value = value.checked_add(part)?;
    }
    Some(if number.sign == NEGATIVE { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(raw: &[u8]) -> Option<String> {
        let mut text = String::new();
        write(raw, &mut text).map(|()| text)
    }

    fn raw(weight: i16, sign: u16, scale: u16, groups: &[u16]) -> Vec<u8> {
        let mut raw = Vec::new();
        raw.extend(u16::try_from(groups.len()).unwrap().to_be_bytes());
        raw.extend(weight.to_be_bytes());
        raw.extend(sign.to_be_bytes());
        raw.extend(scale.to_be_bytes());
        for group in groups {
            raw.extend(group.to_be_bytes());
        }
        raw
    }

    #[test]
    fn numbers_are_written_as_postgresql_writes_them() {
        for (bytes, expected) in [
            (raw(0, 0, 0, &[]), "0"),
            (raw(0, 0, 2, &[]), "0.00"),
            (raw(0, 0, 2, &[12, 5000]), "12.50"),
            (raw(0, NEGATIVE, 2, &[12, 500]), "-12.05"),
            (raw(1, 0, 0, &[1]), "10000"),
            (raw(2, 0, 4, &[1, 0, 2, 30]), "100000002.0030"),
            (raw(-2, 0, 8, &[1]), "0.00000001"),
            (raw(-1, 0, 3, &[1234]), "0.123"),
            (raw(0, NAN, 0, &[]), "NaN"),
            (raw(0, MINUS_INFINITY, 0, &[]), "-Infinity"),
        ] {
            assert_eq!(text(&bytes).as_deref(), Some(expected));
        }
        for (bytes, scale, expected) in [
            (raw(0, 0, 0, &[]), 0, Some(0)),
            (raw(0, 0, 2, &[12, 5000]), 2, Some(1250)),
            (raw(2, 0, 4, &[1, 0, 2, 30]), 4, Some(1_000_000_020_030)),
            (raw(-2, 0, 8, &[1]), 8, Some(1)),
            (raw(-1, 0, 3, &[1230]), 3, Some(123)),
            // A digit beyond the declared scale, and another scale than declared.
            (raw(-1, 0, 3, &[1234]), 3, None),
            (raw(-1, 0, 4, &[1234]), 3, None),
            (raw(9, 0, 0, &[9999; 10]), 0, None),
            (raw(2, 0, 30, &[1]), 30, Some(10_i128.pow(38))),
            (raw(0, INFINITY, 2, &[]), 2, None),
        ] {
            assert_eq!(scaled(&bytes, scale), expected, "{bytes:?}");
        }
        assert_eq!(scaled(&raw(0, NEGATIVE, 2, &[12, 500]), 2), Some(-1205));
        assert_eq!(scaled(&raw(0, NAN, 0, &[]), 2), None);
    }

    #[test]
    fn broken_bytes_are_refused() {
        for bytes in [
            &[][..],
            &[0, 1],
            &[0, 9, 0, 0, 0, 0, 0, 0, 0, 1],
            &[0, 0, 0, 0, 0x12, 0x34, 0, 0],
        ] {
            assert_eq!(text(bytes), None);
        }
    }

    #[test]
    fn declared_precision_is_read_from_the_modifier() {
        assert_eq!(declared(((12 << 16) | 2) + 4), Some((12, 2)));
        assert_eq!(declared(-1), None);
        assert_eq!(declared(((50 << 16) | 2) + 4), None);
        // numeric(3, -2)
        assert_eq!(declared(((3 << 16) | (0x7ff & -2)) + 4), None);
    }
}
