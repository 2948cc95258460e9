import Evaluation
import Reports
import Tensors
import Testing

@Suite struct AttributionPictureTests {
  private let caption = AttributionPicture.Caption(
    title: "Egyptian cat", lines: ["probability 0.397", "Integrated Gradients, 128 steps"])

  /// The upper left corner of a picture in a page, its pixels enlarged to squares.
  private func find(_ part: Picture, factor: Int, in page: Picture) -> (x: Int, y: Int)? {
    func matches(_ left: Int, _ top: Int) -> Bool {
      (0..<part.width * part.height).allSatisfy { pixel in
        let (column, row) = (pixel % part.width, pixel / part.width)
        let index = 3 * ((top + row * factor) * page.width + left + column * factor)
        return page.pixels[index..<index + 3] == part.pixels[3 * pixel..<3 * pixel + 3]
      }
    }
    for top in 0..<page.height - part.height * factor {
      for left in 0..<page.width - part.width * factor where matches(left, top) {
        return (left, top)
      }
    }
    return nil
  }

  @Test func showsThreePanelsSideBySide() throws {
    let input = Picture(
      width: 6, height: 8, pixels: (0..<144).map { UInt8(truncatingIfNeeded: 40 + $0 * 37) })
    let attribution = Tensor(
      (0..<48).map { Float($0 - 20) / 20 }, shape: [1, 8, 6])
    let page = try AttributionPicture(picture: input, attribution: attribution, caption: caption)
      .draw()
    let strength = try PixelMap(summing: attribution, abs)
    let panels = [
      input, try input.masked(by: strength), try PixelMap(summing: attribution).signedPicture,
    ]
    let corners = try panels.map { try #require(find($0, factor: 42, in: page)) }
    #expect(Set(corners.map(\.y)).count == 1)
    #expect(corners[1].x - corners[0].x == corners[2].x - corners[1].x)
    #expect(corners[1].x - corners[0].x > 6 * 42)
  }

  @Test func pngShowsThePage() throws {
    let input = Picture(width: 64, height: 64, pixels: Array(repeating: 90, count: 12_288))
    let zero = Tensor([Float](repeating: 0, count: 4096), shape: [64, 64, 1])
    let drawing = try AttributionPicture(
      picture: input, attribution: zero, layout: .nhwc, caption: caption)
    #expect(try Picture(decoding: drawing.png()) == drawing.draw())
  }

  @Test(arguments: [(1, 1), (300, 2), (2, 300), (1500, 40)])
  func anySizeFits(width: Int, height: Int) throws {
    let input = Picture(
      width: width, height: height, pixels: Array(repeating: 90, count: 3 * width * height))
    let zero = Tensor([Float](repeating: 0, count: width * height), shape: [1, height, width])
    let words = AttributionPicture.Caption(
      title: String(repeating: "a long title ", count: 200), lines: ["", "\u{1F408} & \u{7}<b>"])
    let page = try AttributionPicture(picture: input, attribution: zero, caption: words).draw()
    #expect(page.width < 3400 && page.height < 1400)
  }

  @Test func refusesAnotherSize() {
    let input = Picture(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
    #expect(throws: ReportError.sizeMismatch(map: "1x2", picture: "2x1")) {
      try AttributionPicture(
        picture: input, attribution: Tensor([1, 2] as [Float], shape: [1, 2, 1]), caption: caption)
    }
  }
}

@Suite struct TextTests {
  @Test func growsWithSizeAndLength() {
    let text = Text("Egyptian cat", size: 14)
    #expect(text.width > 40)
    #expect(Text("Egyptian cat", size: 28).width > text.width * 3 / 2)
    #expect(Text("Egyptian cats", size: 14).width > text.width)
    #expect(Text("", size: 14).width == 0)
  }

  @Test func readsNoEntities() {
    #expect(Text("&lt;", size: 14).width > Text("&l", size: 14).width)
    #expect(Text("a & b", size: 14).width > Text("a b", size: 14).width)
  }

  @Test(arguments: [0, 30, 80, 200])
  func shortensToFit(width: Int) {
    let ellipsis = Text("…", size: 14).width
    let text = Text("a label of many words, which is long", size: 14, fitting: width)
    #expect(text.width <= max(width, ellipsis))
    #expect(text.width > width - 20)
  }

  @Test func leavesWhatFits() {
    let text = Text("Egyptian cat", size: 14)
    #expect(Text("Egyptian cat", size: 14, fitting: text.width).width == text.width)
  }
}
