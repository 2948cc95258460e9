internal import Foundation

/// A colour of 8-bit red, green and blue.
package struct Color: Sendable, Equatable {
  package var red: UInt8
  package var green: UInt8
  package var blue: UInt8

  /// The colour of these components.
  package init(red: UInt8, green: UInt8, blue: UInt8) {
    self.red = red
    self.green = green
    self.blue = blue
  }

  /// The grey of this brightness.
  package init(gray: UInt8) { self.init(red: gray, green: gray, blue: gray) }

  /// The nearest colour that a screen shows, from lightness, chroma and hue (in degrees) in Oklab
  /// (Ottosson, "A perceptual color space for image processing", 2020).
  init(lightness: Double, chroma: Double, hue: Double) {
    let a = chroma * cos(hue * .pi / 180)
    let b = chroma * sin(hue * .pi / 180)
    let l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3)
    let m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3)
    let s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3)
    self.init(
      red: Self.encoded(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
      green: Self.encoded(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
      blue: Self.encoded(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s))
  }

  /// Linear light, 0 to 1, in sRGB's encoding.
  private static func encoded(_ light: Double) -> UInt8 {
    let light = min(max(light, 0), 1)
    let value = light <= 0.0031308 ? 12.92 * light : 1.055 * pow(light, 1 / 2.4) - 0.055
    return UInt8((value * 255).rounded())
  }
}

/// Colours for signed numbers: white at 0, red above, blue below.
///
/// Both arms grow darker at the same, even pace, so equal steps look equal, and numbers of equal
/// magnitude look equally strong whatever their sign.
package enum ColorMap {
  private static let steps = 255

  private static let arms = (negative: arm(hue: 258), positive: arm(hue: 25))

  /// The colour of a number from -1 to 1; those beyond have the colours of the ends.
  package static func color(_ value: Double) -> Color {
    let step = Int((min(abs(value), 1) * Double(steps)).rounded())
    return value < 0 ? arms.negative[step] : arms.positive[step]
  }

  private static func arm(hue: Double) -> [Color] {
    (0...steps).map { step in
      let strength = Double(step) / Double(steps)
      let rest = 1 - strength
      return Color(
        lightness: 1 - 0.57 * strength, chroma: 0.175 * (1 - rest * rest), hue: hue)
    }
  }
}
