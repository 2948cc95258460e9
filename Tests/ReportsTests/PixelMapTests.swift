import Evaluation
import Foundation
import Reports
import Tensors
import Testing

@Suite struct PixelMapTests {
  /// Two channels of one row of three pixels.
  private let planes: [Float] = [1, -2, 3, 10, 2, -5]

  @Test func sumsOverChannels() throws {
    let tensor = Tensor(planes, shape: [1, 2, 1, 3])
    #expect(try PixelMap(summing: tensor).values == [11, 0, -2])
    #expect(try PixelMap(summing: tensor, abs).values == [11, 4, 8])
  }

  @Test func readsChannelsLast() throws {
    let interleaved = Tensor([1, 10, -2, 2, 3, -5] as [Double], shape: [1, 3, 2])
    let map = try PixelMap(summing: interleaved, layout: .nhwc)
    #expect(map == PixelMap(width: 3, height: 1, values: [11, 0, -2]))
  }

  @Test func refusesOtherShapes() {
    #expect(throws: ReportError.notAMap("6 float32")) {
      try PixelMap(summing: Tensor(planes))
    }
    #expect(throws: ReportError.notAMap("1x1x2 int64")) {
      try PixelMap(summing: Tensor([1, 2] as [Int64], shape: [1, 1, 2]))
    }
  }

  /// NumPy's `percentile(abs(values), 99)`.
  @Test func scaleIsThe99thPercentile() {
    let ramp = PixelMap(width: 201, height: 1, values: (0...200).map { Double(-$0) })
    #expect(ramp.scale == 198)
    let two = PixelMap(width: 2, height: 1, values: [0, 1])
    #expect(two.scale == 0.99)
    #expect(PixelMap(width: 1, height: 1, values: [-7]).scale == 7)
    #expect(PixelMap(width: 2, height: 1, values: [.nan, .infinity]).scale == 0)
  }
}

@Suite struct ColorMapTests {
  @Test func whiteRedAndBlue() {
    #expect(ColorMap.color(0) == Color(gray: 255))
    let (red, blue) = (ColorMap.color(1), ColorMap.color(-1))
    #expect(red.red > 150 && red.green < 30 && red.blue < 60)
    #expect(blue.blue > 150 && blue.red < 30 && blue.green < 90)
    #expect(ColorMap.color(5) == red && ColorMap.color(-5) == blue)
  }

  /// CIE luminance falls along both arms, at the same pace.
  @Test func armsAreEquallyStrong() {
    func lightness(_ color: Color) -> Double {
      func linear(_ value: UInt8) -> Double {
        let value = Double(value) / 255
        return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
      }
      let y =
        0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
      return 116 * cbrt(y) - 16
    }
    var last = (positive: 101.0, negative: 101.0)
    for step in 0...20 {
      let value = Double(step) / 20
      let next = (
        positive: lightness(ColorMap.color(value)), negative: lightness(ColorMap.color(-value))
      )
      #expect(next.positive < last.positive && next.negative < last.negative)
      #expect(abs(next.positive - next.negative) < 6)
      last = next
    }
  }
}

@Suite struct MaskWindowTests {
  @Test func multipliesByClippedStrength() throws {
    let picture = Picture(width: 3, height: 1, pixels: [200, 100, 51, 200, 100, 51, 8, 8, 8])
    let strength = PixelMap(width: 3, height: 1, values: [0.98, 0.49, 1])
    let scale = 0.98 + 0.02 * 0.98
    let expected = [0.98, 0.49].flatMap { weight in
      [200.0, 100, 51].map { UInt8(($0 * weight / scale).rounded()) }
    }
    #expect(abs(strength.scale - scale) < 1e-12)
    #expect(try picture.masked(by: strength).pixels == expected + [8, 8, 8])
  }

  @Test func nothingMattersWhereAllIsZero() throws {
    let picture = Picture(width: 2, height: 1, pixels: [9, 9, 9, 9, 9, 9])
    let zero = PixelMap(width: 2, height: 1, values: [0, 0])
    #expect(try picture.masked(by: zero).pixels == [0, 0, 0, 0, 0, 0])
    #expect(zero.signedPicture.pixels == Array(repeating: 255, count: 6))
  }

  @Test func refusesAnotherSize() {
    let picture = Picture(width: 2, height: 1, pixels: [9, 9, 9, 9, 9, 9])
    #expect(throws: ReportError.sizeMismatch(map: "1x2", picture: "2x1")) {
      try picture.masked(by: PixelMap(width: 1, height: 2, values: [0, 0]))
    }
  }
}
