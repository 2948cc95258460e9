internal import CImage
package import Evaluation

/// A white sheet that pictures, rectangles and text are drawn on. What lies outside is cut off.
package struct Canvas {
  /// Pixels in a row.
  package let width: Int
  /// Rows.
  package let height: Int
  private var pixels: [UInt8]

  /// A white sheet of this size.
  ///
  /// - Precondition: both extents are positive.
  package init(width: Int, height: Int) {
    precondition(width > 0 && height > 0, "a canvas of \(width)x\(height)")
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 255, count: 3 * width * height)
  }

  /// What has been drawn.
  package var picture: Picture { Picture(width: width, height: height, pixels: pixels) }

  /// Fills a rectangle.
  package mutating func fill(x: Int, y: Int, width: Int, height: Int, _ color: Color) {
    let columns = (x..<x + width).clamped(to: 0..<self.width)
    for row in (y..<y + height).clamped(to: 0..<self.height) {
      for column in columns { blend(color, at: 3 * (row * self.width + column)) }
    }
  }

  /// Mixes a colour into the pixel at `index`, 0 leaving it as it is and 255 replacing it.
  private mutating func blend(_ color: Color, at index: Int, coverage: UInt8 = 255) {
    let share = Int(coverage)
    func mixed(_ old: UInt8, _ new: UInt8) -> UInt8 {
      let sum = Int(new) * share + Int(old) * (255 - share)
      return UInt8((sum + 127) / 255)
    }
    pixels[index] = mixed(pixels[index], color.red)
    pixels[index + 1] = mixed(pixels[index + 1], color.green)
    pixels[index + 2] = mixed(pixels[index + 2], color.blue)
  }

  /// Draws a picture, each of its pixels as a square of `factor` pixels.
  package mutating func draw(_ picture: Picture, x: Int, y: Int, factor: Int = 1) {
    for row in 0..<picture.height {
      for column in 0..<picture.width {
        let start = 3 * (row * picture.width + column)
        let color = Color(
          red: picture.pixels[start], green: picture.pixels[start + 1],
          blue: picture.pixels[start + 2])
        fill(x: x + column * factor, y: y + row * factor, width: factor, height: factor, color)
      }
    }
  }

  /// Draws text with its baseline at `y` and its left edge at `x`.
  package mutating func draw(_ text: Text, x: Int, y: Int, _ color: Color) {
    let top = y - text.ascent
    let columns = (x..<x + text.width).clamped(to: 0..<width)
    for row in (top..<top + text.height).clamped(to: 0..<height) {
      for column in columns {
        let coverage = text.coverage[(row - top) * text.width + column - x]
        blend(color, at: 3 * (row * width + column), coverage: coverage)
      }
    }
  }
}

/// One line of text in DejaVu Sans, drawn and measured.
package struct Text: Sendable {
  /// Pixels that the text is wide; 0 if there is nothing to see.
  package let width: Int
  let height: Int
  let ascent: Int
  let coverage: [UInt8]

  /// Draws text with letters of `size` pixels. Control characters become spaces.
  package init(_ string: String, size: Double, bold: Bool = false) {
    let line = String(
      String.UnicodeScalarView(
        string.unicodeScalars.map { scalar in
          if scalar.properties.generalCategory == .control { return " " }
          // gd reads no characters beyond the basic plane.
          return scalar.value > 0xFFFF ? "\u{FFFD}" : scalar
        }))
    let text = cimage_draw_text(line, size, bold ? 1 : 0)
    defer { cimage_free(text.coverage) }
    width = text.coverage == nil ? 0 : Int(text.width)
    height = Int(text.height)
    ascent = Int(text.ascent)
    coverage = Array(UnsafeBufferPointer(start: text.coverage, count: width * height))
  }

  /// Draws as much of the text as fits into a width, with an ellipsis if not all of it does.
  package init(_ string: String, size: Double, bold: Bool = false, fitting width: Int) {
    self.init(string, size: size, bold: bold)
    let characters = Array(string.prefix(1000))
    var (fitting, excessive) = (0, characters.count + (string.count > 1000 ? 1 : 0))
    guard self.width > width else { return }
    while excessive - fitting > 1 {
      let middle = (fitting + excessive) / 2
      if Text(Self.shortened(characters, middle), size: size, bold: bold).width <= width {
        fitting = middle
      } else {
        excessive = middle
      }
    }
    self.init(Self.shortened(characters, fitting), size: size, bold: bold)
  }

  private static func shortened(_ characters: [Character], _ count: Int) -> String {
    var kept = characters.prefix(count)
    while let last = kept.last, last.isWhitespace || last == "," { kept.removeLast() }
    return String(kept) + "…"
  }
}
