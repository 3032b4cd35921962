"""The built-in presets' words, in the order in which they are shown; `drawing.DRAWINGS` has the code of each."""

from typing import NamedTuple


class Words(NamedTuple):
    """A built-in preset's titles and what its picture shows, in English and French."""

    title_en: str
    title_fr: str
    alt_en: str
    alt_fr: str


BUILT_IN: dict[str, Words] = {
    "woodblock-waves": Words(
        "Woodblock waves",
        "Vagues sur bois",
        "A woodblock print of curling Prussian blue waves under a red sun.",
        "Une estampe sur bois : des vagues bleu de Prusse s'enroulent sous un soleil rouge.",
    ),
    "starry-strokes": Words(
        "Starry strokes",
        "Nuit tourbillonnante",
        "A night sky in thick swirling paint, yellow stars over blue hills and a cypress.",
        "Un ciel de nuit en pâte épaisse et tourbillonnante, étoiles jaunes et cyprès.",
    ),
    "stained-glass": Words(
        "Stained glass",
        "Vitrail",
        "A leaded window: a golden sun, a ruby ring, blue sky and green hills.",
        "Un vitrail : soleil doré, anneau rubis, ciel bleu et collines vertes.",
    ),
    "watercolour": Words(
        "Watercolour",
        "Aquarelle",
        "Loose watercolour flowers in magenta, violet and blue with green leaves.",
        "Des fleurs à l'aquarelle, magenta, violettes et bleues, aux feuilles vertes.",
    ),
    "pointillism": Words(
        "Pointillism",
        "Pointillisme",
        "An evening by a lake in thousands of coloured dots.",
        "Un soir au bord d'un lac, en milliers de points de couleur.",
    ),
    "ink-wash": Words(
        "Ink wash",
        "Lavis d'encre",
        "Mountains in mist and bamboo in black ink on paper, with a red seal.",
        "Montagnes dans la brume et bambous à l'encre noire, avec un sceau rouge.",
    ),
    "mosaic": Words(
        "Byzantine mosaic",
        "Mosaïque byzantine",
        "A gold sun with lapis rays over green waves, set in small stone tiles.",
        "Un soleil d'or aux rayons de lapis sur des vagues vertes, en tesselles.",
    ),
    "autumn-impasto": Words(
        "Autumn impasto",
        "Automne au couteau",
        "A birch wood in flame colours, in thick knife strokes.",
        "Un bois de bouleaux couleur de feu, peint au couteau.",
    ),
    "linocut": Words(
        "Linocut",
        "Linogravure",
        "Ferns before a low sun, printed in black, teal and orange.",
        "Des fougères devant un soleil bas, imprimées en noir, canard et orange.",
    ),
    "marbling": Words(
        "Marbled paper",
        "Papier marbré",
        "Combed and swirled marbled paper in navy, red, teal, ochre and cream.",
        "Un papier marbré au peigne : marine, rouge, canard, ocre et crème.",
    ),
    "engraving": Words(
        "Engraving",
        "Gravure",
        "Mountains under the moon in swelling engraved lines, sepia and rust.",
        "Des montagnes sous la lune en tailles gravées, sépia et rouille.",
    ),
    "peacock": Words(
        "Peacock",
        "Paon",
        "Overlapping peacock feathers, emerald and indigo eyes rimmed with gold.",
        "Des plumes de paon qui se chevauchent, ocelles émeraude et indigo cerclés d'or.",
    ),
    "risograph": Words(
        "Risograph",
        "Risographie",
        "A sunburst in coarse yellow, pink and blue dots, a little out of register.",
        "Un soleil rayonnant en gros points jaunes, roses et bleus, un peu décalés.",
    ),
    "op-art": Words(
        "Op art",
        "Op art",
        "Discs in squares that bulge towards the eye, blue against orange.",
        "Des disques dans des carrés qui se bombent vers l'œil, bleu contre orange.",
    ),
    "cubist": Words(
        "Cubist facets",
        "Facettes cubistes",
        "Broken planes of ochre, umber, slate and rust with black contours.",
        "Des plans brisés ocre, terre d'ombre, ardoise et rouille, cernés de noir.",
    ),
    "azulejo": Words(
        "Azulejo",
        "Azulejo",
        "Hand-painted cobalt tiles with flowers, scrolls and a touch of yellow.",
        "Des carreaux peints à la main au cobalt, fleurs et volutes, touches de jaune.",
    ),
    "kilim": Words(
        "Kilim",
        "Kilim",
        "A woven rug of stepped diamonds in madder, indigo, teal and saffron.",
        "Un tapis tissé à losanges en gradins : garance, indigo, canard et safran.",
    ),
    "neon-rain": Words(
        "Neon rain",
        "Pluie de néons",
        "A city of neon signs at night, mirrored in wet asphalt.",
        "Une ville aux enseignes de néon, la nuit, reflétée dans l'asphalte mouillé.",
    ),
}
