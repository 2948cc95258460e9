package import Evaluation
package import Tensors

/// The picture of an explanation: what the model saw, the mask window and the signed map side by
/// side, under a caption.
package struct AttributionPicture {
  /// What the picture says in words.
  package struct Caption: Sendable {
    /// The prediction, as in "Egyptian cat".
    package var title: String
    /// What stands below: score, method, steps, completeness error.
    package var lines: [String]

    /// The caption of these words.
    package init(title: String, lines: [String]) {
      self.title = title
      self.lines = lines
    }
  }

  private let picture: Picture
  private let strength: PixelMap
  private let signed: PixelMap
  private let mask: Picture
  private let caption: Caption

  /// The explanation of a prediction on `picture`.
  ///
  /// - Parameters:
  ///   - picture: what the model saw, after resize and crop.
  ///   - attribution: floats of [C,H,W], or [H,W,C] by `layout`, with or without a leading
  ///     batch of one, of the picture's size.
  package init(
    picture: Picture, attribution: Tensor, layout: Preprocessing.Layout = .nchw, caption: Caption
  ) throws(ReportError) {
    self.picture = picture
    self.caption = caption
    strength = try PixelMap(summing: attribution, layout: layout, abs)
    signed = try PixelMap(summing: attribution, layout: layout)
    mask = try picture.masked(by: strength)
  }

  /// The picture as a PNG file.
  package func png() -> [UInt8] { draw().pngData() }

  /// The picture: white ground, caption, three panels with titles and legends.
  package func draw() -> Picture {
    let page = Page(panelWidth: picture.width, panelHeight: picture.height, caption: caption)
    var canvas = Canvas(width: page.width, height: page.height)
    page.drawCaption(on: &canvas)
    page.drawPanel(0, picture, title: "Input", on: &canvas)
    page.drawPanel(1, mask, title: "Mask window", on: &canvas)
    page.drawPanel(2, signed.signedPicture, title: "Attribution", on: &canvas)

    let size = Text("\(picture.width) × \(picture.height) pixels", size: page.smallSize)
    page.drawNote(0, size, on: &canvas)
    page.drawLegend(
      1, marks: ["0", Self.number(strength.scale)],
      color: { Color(gray: UInt8(($0 * 255).rounded())) }, on: &canvas)
    let scale = Self.number(signed.scale)
    page.drawLegend(
      2, marks: ["−" + scale, "0", "+" + scale], color: { ColorMap.color(2 * $0 - 1) },
      on: &canvas)
    return canvas.picture
  }

  /// Two significant digits.
  private static func number(_ value: Double) -> String {
    guard value > 0 else { return "0" }
    var (digits, exponent) = (value, 0)
    while digits >= 9.95 {
      digits /= 10
      exponent += 1
    }
    while digits < 0.995 {
      digits *= 10
      exponent -= 1
    }
    let tenths = Int((digits * 10).rounded())
    let mantissa = "\(tenths / 10).\(tenths % 10)"
    switch exponent {
    case 0: return mantissa
    case 1...3: return "\(tenths)" + String(repeating: "0", count: exponent - 1)
    case -3 ... -1: return "0." + String(repeating: "0", count: -exponent - 1) + "\(tenths)"
    default: return "\(mantissa)e\(exponent < 0 ? "−" : "")\(abs(exponent))"
    }
  }
}

/// Where things stand on the page, in pixels.
private struct Page {
  /// Larger pictures are shown reduced.
  private static let maximumSide = 1000
  private static let ink = Color(gray: 33)
  private static let quiet = Color(gray: 110)
  private static let rule = Color(gray: 205)

  let width: Int
  let height: Int
  let smallSize: Double
  private let factor: Int
  private let panel: (width: Int, height: Int)
  private let column: Int
  private let textSize: Double
  private let margin: Int
  private let gap: Int
  private let panelTop: Int
  private let caption: AttributionPicture.Caption

  init(panelWidth: Int, panelHeight: Int, caption: AttributionPicture.Caption) {
    self.caption = caption
    let side = max(panelWidth, panelHeight, 1)
    factor = max(1, Int((336 / Double(side)).rounded()))
    panel =
      side <= Self.maximumSide
      ? (panelWidth * factor, panelHeight * factor)
      : (
        max(1, panelWidth * Self.maximumSide / side), max(1, panelHeight * Self.maximumSide / side)
      )
    column = max(panel.width, 160)
    textSize = min(max((Double(column) / 24).rounded(), 12), 18)
    smallSize = (textSize * 0.85).rounded()
    margin = Int(textSize * 1.75)
    gap = Int(textSize * 1.25)
    let captionHeight = textSize * (1.4 + 1.55 * Double(caption.lines.count))
    panelTop = margin + Int(captionHeight + textSize * 2.9)
    width = 2 * margin + 3 * column + 2 * gap
    height = panelTop + panel.height + Int(textSize * 2.6) + margin
  }

  func drawCaption(on canvas: inout Canvas) {
    let room = width - 2 * margin
    var baseline = margin + Int(textSize * 1.15)
    let title = Text(caption.title, size: (textSize * 1.45).rounded(), bold: true, fitting: room)
    canvas.draw(title, x: margin, y: baseline, Self.ink)
    baseline += Int(textSize * 0.25)
    for line in caption.lines {
      baseline += Int(textSize * 1.55)
      canvas.draw(Text(line, size: textSize, fitting: room), x: margin, y: baseline, Self.quiet)
    }
  }

  func drawPanel(_ index: Int, _ picture: Picture, title: String, on canvas: inout Canvas) {
    let x = left(index)
    let text = Text(title, size: textSize, bold: true, fitting: column)
    canvas.draw(text, x: x, y: panelTop - Int(textSize * 0.65), Self.ink)
    canvas.fill(
      x: x - 1, y: panelTop - 1, width: panel.width + 2, height: panel.height + 2, Self.rule)
    let isReduced = panel.width < picture.width || panel.height < picture.height
    let shown =
      isReduced ? picture.resized(width: panel.width, height: panel.height) : picture
    canvas.draw(shown, x: x, y: panelTop, factor: factor)
  }

  /// A line of small text below a panel.
  func drawNote(_ index: Int, _ text: Text, on canvas: inout Canvas) {
    canvas.draw(
      text, x: left(index), y: panelTop + panel.height + Int(smallSize * 1.6), Self.quiet)
  }

  /// A bar of colours below a panel, with evenly spaced marks under it.
  func drawLegend(
    _ index: Int, marks: [String], color: (Double) -> Color, on canvas: inout Canvas
  ) {
    let (x, y) = (left(index), panelTop + panel.height + Int(textSize * 0.65))
    let bar = (width: panel.width, height: Int(textSize * 0.65))
    canvas.fill(x: x - 1, y: y - 1, width: bar.width + 2, height: bar.height + 2, Self.rule)
    for offset in 0..<bar.width {
      let place = Double(offset) / Double(max(bar.width - 1, 1))
      canvas.fill(x: x + offset, y: y, width: 1, height: bar.height, color(place))
    }
    for (place, mark) in marks.enumerated() {
      let text = Text(mark, size: smallSize)
      let share = Double(place) / Double(max(marks.count - 1, 1))
      let shift = Int(share * Double(bar.width - text.width))
      canvas.draw(text, x: x + shift, y: y + bar.height + Int(smallSize * 1.3), Self.quiet)
    }
  }

  private func left(_ index: Int) -> Int {
    margin + index * (column + gap) + (column - panel.width) / 2
  }
}
